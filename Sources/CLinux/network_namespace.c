#define _GNU_SOURCE
#include "network_namespace.h"

#include <sched.h>

int clinux_enter_new_network_namespace(void) { return unshare(CLONE_NEWNET); }

int clinux_enter_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }
