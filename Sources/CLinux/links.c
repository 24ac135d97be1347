// Links by ioctl and rtnetlink; both look into the caller's network namespace, as a mounted sysfs might not.
#define _GNU_SOURCE
#include "links.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum clinux_link_state clinux_link_state(const char *name) {
  struct ifreq request = {0};
  if (strlen(name) >= sizeof request.ifr_name) return CLINUX_LINK_MISSING;
  strcpy(request.ifr_name, name);
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0 && errno == EAFNOSUPPORT) descriptor = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return CLINUX_LINK_MISSING;
  int result = ioctl(descriptor, SIOCGIFFLAGS, &request);
  close(descriptor);
  if (result < 0) return CLINUX_LINK_MISSING;
  if (!(request.ifr_flags & IFF_UP)) return CLINUX_LINK_DOWN;
  return request.ifr_flags & IFF_RUNNING ? CLINUX_LINK_RUNNING : CLINUX_LINK_WITHOUT_CARRIER;
}

int clinux_watch_links(void) {
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (descriptor < 0) return -1;
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  if (bind(descriptor, (struct sockaddr *)&groups, sizeof groups) == 0) return descriptor;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}
