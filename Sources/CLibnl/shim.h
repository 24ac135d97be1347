#pragma once
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

// The kernel's header makes each of these an enumerator and a macro of the same name, and Swift then imports neither.
static const int clibnl_group_link = RTNLGRP_LINK;
static const int clibnl_group_ipv4_address = RTNLGRP_IPV4_IFADDR;
static const int clibnl_group_ipv6_address = RTNLGRP_IPV6_IFADDR;
