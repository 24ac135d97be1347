// Frames in bulk, for a test bed's forger: one system call for each would be too slow to be a flood.
#pragma once
#include <stdint.h>

/// A packet socket that only sends, on one interface of the calling thread's network namespace, past its queueing
/// discipline. Returns the descriptor, or -1 with errno.
int vipd_open_frame_socket(const char *_Nonnull interface);

/// Sends frames that lie one behind the other, `count` of them with these lengths, without waiting. Returns how many the
/// kernel took, or -1 with errno where it took none.
long vipd_send_frames(
    int descriptor, const uint8_t *_Nonnull frames, const uint32_t *_Nonnull lengths, unsigned long count);
