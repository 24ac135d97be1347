// What the sockets of VRRP need beyond Glibc's module: packet information in control messages (the CMSG macros are not
// imported into Swift), link-layer addresses of packet sockets, and the classic BPF instruction.
#pragma once
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/// Where a raw socket's packet came from and went to. Addresses are in network order: 4 bytes of 16 for AF_INET.
struct clinux_packet_info {
  sa_family_t family;
  uint8_t source[16];
  uint8_t destination[16];
  unsigned int interface_index;
  /// IPv6: from the control message; -1 where there was none. IPv4: always -1, since the TTL is in the header that a
  /// raw socket delivers.
  int hop_limit;
};

/// Receives one packet without blocking. Returns how many bytes were stored (a longer packet is cut to `capacity`),
/// or -1 with errno. IPv4 packets start with their IP header, IPv6 packets with the payload.
ssize_t clinux_receive_packet(int descriptor, void *buffer, size_t capacity, struct clinux_packet_info *info);

/// Sends one payload from `info->source` to `info->destination` out of `info->interface_index`, without blocking.
/// `hop_limit` is not looked at: it is a property of the socket. Returns the bytes sent, or -1 with errno.
ssize_t clinux_send_packet(int descriptor, const void *payload, size_t length, const struct clinux_packet_info *info);

/// Joins or leaves a multicast group on one interface. `level` is IPPROTO_IP or IPPROTO_IPV6, `option` is
/// MCAST_JOIN_GROUP or MCAST_LEAVE_GROUP (RFC 3678 §5.1), `group` has 4 or 16 bytes in network order. Returns 0, or -1
/// with errno.
int clinux_change_membership(
    int descriptor, int level, int option, unsigned int interface_index, const uint8_t *group);

/// Sends a complete Ethernet frame of 14 bytes or more through a packet socket. Returns the bytes sent, or -1 with
/// errno.
ssize_t clinux_send_frame(int descriptor, const void *frame, size_t length, unsigned int interface_index);
