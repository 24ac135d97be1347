// Signals as bytes in a pipe. Not signalfd(2): it is told of a signal only while every thread blocks it, and a library's
// thread that lets signals through while it waits (as swift-subprocess's does) would die of it, and the process too.
#pragma once

/// From now on, each signal of those numbers writes its number as one byte, whichever thread it comes to.
/// To be called once. Returns the pipe's reading end, which does not block, or -1 with errno.
int clinux_signals_as_bytes(const int *_Nonnull signals, int count);
