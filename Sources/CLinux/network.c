// Packet information in control messages, for IPv4 (IP_PKTINFO) and IPv6 (RFC 3542).
#define _GNU_SOURCE
#include "network.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

// Room for an in6_pktinfo and an int, the most that is ever asked for, and aligned as a cmsghdr must be.
union control_buffer {
  char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
  struct cmsghdr alignment;
};

static void read_control_message(struct cmsghdr *message, struct clinux_packet_info *info) {
  if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO) {
    struct in_pktinfo packet;
    memcpy(&packet, CMSG_DATA(message), sizeof packet);
    memcpy(info->destination, &packet.ipi_addr, sizeof packet.ipi_addr);
    info->interface_index = (unsigned int)packet.ipi_ifindex;
  } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO) {
    struct in6_pktinfo packet;
    memcpy(&packet, CMSG_DATA(message), sizeof packet);
    memcpy(info->destination, &packet.ipi6_addr, sizeof packet.ipi6_addr);
    info->interface_index = packet.ipi6_ifindex;
  } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_HOPLIMIT) {
    memcpy(&info->hop_limit, CMSG_DATA(message), sizeof info->hop_limit);
  }
}

ssize_t clinux_receive_packet(int descriptor, void *buffer, size_t capacity, struct clinux_packet_info *info) {
  struct sockaddr_storage sender = {0};
  struct iovec storage = {.iov_base = buffer, .iov_len = capacity};
  union control_buffer control;
  struct msghdr message = {
      .msg_name = &sender,
      .msg_namelen = sizeof sender,
      .msg_iov = &storage,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  ssize_t count = recvmsg(descriptor, &message, MSG_DONTWAIT);
  if (count < 0) return -1;

  memset(info, 0, sizeof *info);
  info->family = sender.ss_family;
  info->hop_limit = -1;
  if (sender.ss_family == AF_INET) {
    memcpy(info->source, &((struct sockaddr_in *)&sender)->sin_addr, sizeof(struct in_addr));
  } else if (sender.ss_family == AF_INET6) {
    memcpy(info->source, &((struct sockaddr_in6 *)&sender)->sin6_addr, sizeof(struct in6_addr));
  }
  for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each))
    read_control_message(each, info);
  return count;
}

ssize_t clinux_send_packet(int descriptor, const void *payload, size_t length, const struct clinux_packet_info *info) {
  struct sockaddr_in destination4 = {.sin_family = AF_INET};
  struct sockaddr_in6 destination6 = {.sin6_family = AF_INET6, .sin6_scope_id = info->interface_index};
  struct iovec storage = {.iov_base = (void *)payload, .iov_len = length};
  union control_buffer control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &storage, .msg_iovlen = 1, .msg_control = control.bytes};

  if (info->family == AF_INET) {
    struct in_pktinfo packet = {.ipi_ifindex = (int)info->interface_index};
    memcpy(&packet.ipi_spec_dst, info->source, sizeof packet.ipi_spec_dst);
    memcpy(&destination4.sin_addr, info->destination, sizeof destination4.sin_addr);
    message.msg_name = &destination4;
    message.msg_namelen = sizeof destination4;
    message.msg_controllen = CMSG_SPACE(sizeof packet);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof packet), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(CMSG_DATA(header), &packet, sizeof packet);
  } else if (info->family == AF_INET6) {
    struct in6_pktinfo packet = {.ipi6_ifindex = info->interface_index};
    memcpy(&packet.ipi6_addr, info->source, sizeof packet.ipi6_addr);
    memcpy(&destination6.sin6_addr, info->destination, sizeof destination6.sin6_addr);
    message.msg_name = &destination6;
    message.msg_namelen = sizeof destination6;
    message.msg_controllen = CMSG_SPACE(sizeof packet);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof packet), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
    memcpy(CMSG_DATA(header), &packet, sizeof packet);
  } else {
    errno = EAFNOSUPPORT;
    return -1;
  }
  return sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int clinux_change_membership(
    int descriptor, int level, int option, unsigned int interface_index, const uint8_t *group) {
  struct group_req request = {.gr_interface = interface_index};
  if (level == IPPROTO_IP) {
    struct sockaddr_in *address = (struct sockaddr_in *)&request.gr_group;
    address->sin_family = AF_INET;
    memcpy(&address->sin_addr, group, sizeof address->sin_addr);
  } else {
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)&request.gr_group;
    address->sin6_family = AF_INET6;
    memcpy(&address->sin6_addr, group, sizeof address->sin6_addr);
  }
  return setsockopt(descriptor, level, option, &request, sizeof request);
}

ssize_t clinux_send_frame(int descriptor, const void *frame, size_t length, unsigned int interface_index) {
  enum { ether_type_offset = 12, header_length = 14 };
  if (length < header_length) {
    errno = EINVAL;
    return -1;
  }
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)interface_index, .sll_halen = 6};
  memcpy(&address.sll_protocol, (const char *)frame + ether_type_offset, sizeof address.sll_protocol);
  memcpy(address.sll_addr, frame, 6);
  return sendto(descriptor, frame, length, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address);
}
