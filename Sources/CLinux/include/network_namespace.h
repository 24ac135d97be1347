// The calling thread's network namespace. Sockets belong for good to the namespace in which they are opened, so a
// thread may enter one, open sockets, and return.
#pragma once

/// Moves the calling thread into a new, empty network namespace. Returns 0, or -1 with errno.
int clinux_enter_new_network_namespace(void);

/// Moves the calling thread into the network namespace that `descriptor` is open on. Returns 0, or -1 with errno.
int clinux_enter_network_namespace(int descriptor);
