// Frames in bulk: sendmmsg, and a packet socket without a queue before the interface.
#define _GNU_SOURCE
#include "flood.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int vipd_open_frame_socket(const char *interface) {
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
  if (address.sll_ifindex == 0) return -1;
  int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  int bypass = 1;
  // A kernel that cannot sends more slowly.
  (void)setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass);
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
  int failure = errno;
  close(descriptor);
  errno = failure;
  return -1;
}

long vipd_send_frames(int descriptor, const uint8_t *frames, const uint32_t *lengths, unsigned long count) {
  enum { batch = 64 };
  struct mmsghdr messages[batch];
  struct iovec vectors[batch];
  long sent = 0;
  unsigned long next = 0;
  while (next < count) {
    unsigned int size = count - next < batch ? (unsigned int)(count - next) : batch;
    memset(messages, 0, sizeof messages);
    for (unsigned int index = 0; index < size; index++) {
      vectors[index] = (struct iovec){.iov_base = (void *)frames, .iov_len = lengths[next + index]};
      messages[index].msg_hdr.msg_iov = &vectors[index];
      messages[index].msg_hdr.msg_iovlen = 1;
      frames += lengths[next + index];
    }
    int taken = sendmmsg(descriptor, messages, size, MSG_DONTWAIT);
    if (taken < 0) return sent > 0 ? sent : -1;
    sent += taken;
    if ((unsigned int)taken < size) return sent;
    next += size;
  }
  return sent;
}
