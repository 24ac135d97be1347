// What the VRRP thread's loop needs of epoll, timerfd and eventfd.
#pragma once
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
