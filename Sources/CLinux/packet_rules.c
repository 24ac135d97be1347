// libnftables' few functions, found at run time.
#include "packet_rules.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct {
  struct clinux_packet_rules *(*begin)(uint32_t flags);
  void (*end)(struct clinux_packet_rules *);
  int (*buffer_errors)(struct clinux_packet_rules *);
  int (*unbuffer_errors)(struct clinux_packet_rules *);
  const char *(*errors)(struct clinux_packet_rules *);
  int (*run)(struct clinux_packet_rules *, const char *script);
} library;

static bool is_available;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find(void *handle, const char *name, void *function) {
  void *found = dlsym(handle, name);
  // POSIX wants functions and data to be of one size here, and C has no cast for it.
  memcpy(function, &found, sizeof found);
  if (!found) is_available = false;
}

static void load(void) {
  void *handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  is_available = true;
  find(handle, "nft_ctx_new", &library.begin);
  find(handle, "nft_ctx_free", &library.end);
  find(handle, "nft_ctx_buffer_error", &library.buffer_errors);
  find(handle, "nft_ctx_unbuffer_error", &library.unbuffer_errors);
  find(handle, "nft_ctx_get_error_buffer", &library.errors);
  find(handle, "nft_run_cmd_from_buffer", &library.run);
}

bool clinux_packet_rules_available(void) {
  pthread_once(&once, load);
  return is_available;
}

static bool is_packet_filter_socket(int descriptor) {
  int domain = 0, protocol = 0;
  socklen_t size = sizeof domain;
  if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_NETLINK) return false;
  size = sizeof protocol;
  return getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == NETLINK_NETFILTER;
}

// libnftables lets its socket pass to the programs that this process starts or becomes, where the rules would live on.
static void close_on_exec(void) {
  DIR *descriptors = opendir("/proc/self/fd");
  if (!descriptors) return;
  for (struct dirent *each; (each = readdir(descriptors));) {
    int descriptor = atoi(each->d_name);
    if (is_packet_filter_socket(descriptor)) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  closedir(descriptors);
}

bool clinux_packet_rules_change(struct clinux_packet_rules *rules, const char *script, char *error, size_t capacity) {
  // Anew, since what an earlier script was told would still be there.
  library.unbuffer_errors(rules);
  library.buffer_errors(rules);
  if (library.run(rules, script) == 0) return true;
  const char *words = library.errors(rules);
  snprintf(error, capacity, "%s", words ? words : "");
  return false;
}

struct clinux_packet_rules *clinux_packet_rules_make(const char *script, char *error, size_t capacity) {
  if (!clinux_packet_rules_available()) {
    snprintf(error, capacity, "there is no libnftables.so.1");
    return NULL;
  }
  struct clinux_packet_rules *rules = library.begin(0);
  if (!rules) {
    snprintf(error, capacity, "libnftables does not start");
    return NULL;
  }
  close_on_exec();
  if (clinux_packet_rules_change(rules, script, error, capacity)) return rules;
  library.end(rules);
  return NULL;
}

void clinux_packet_rules_end(struct clinux_packet_rules *rules) { library.end(rules); }
