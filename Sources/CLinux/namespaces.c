// See namespaces.h. Between fork (or clone) and exec there are only system calls here: no allocation, no lock.

#define _GNU_SOURCE
#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

const int vipd_network_namespace = CLONE_NEWNET;
const int vipd_node_namespaces = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;

// Steps go through pipes as numbers, since the child's pointers mean nothing to the parent's reader.
enum step { NONE, RECEIVE, PRIVATE_MOUNTS, MOUNT_PROC, BIND_RUN, HOST_NAME, LOOPBACK, JOIN, JOIN_GROUP, FORK, STDIO, EXEC, SIGNAL };

static const char *const step_names[] = {
    [NONE] = NULL,
    [RECEIVE] = "reach the holder of the namespaces",
    [PRIVATE_MOUNTS] = "make mounts private",
    [MOUNT_PROC] = "mount /proc",
    [BIND_RUN] = "mount a private /run",
    [HOST_NAME] = "set the host name",
    [LOOPBACK] = "set the loopback interface up",
    [JOIN] = "join the node's namespaces",
    [JOIN_GROUP] = "join the node's control group",
    [FORK] = "fork",
    [STDIO] = "set up standard input and output",
    [EXEC] = "execute",
    [SIGNAL] = "signal",
};

struct report {
  int step;
  int error;
  pid_t process;
};

static void tell(int descriptor, enum step step, pid_t process) {
  struct report report = {.step = step, .error = step == NONE ? 0 : errno, .process = process};
  while (write(descriptor, &report, sizeof report) < 0 && errno == EINTR) {
  }
}

static int read_all(int descriptor, void *buffer, size_t size) {
  char *cursor = buffer;
  while (size > 0) {
    ssize_t count = read(descriptor, cursor, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return -1;
    cursor += count;
    size -= (size_t)count;
  }
  return 0;
}

static int fail(struct vipd_failure *failure, enum step step, int error) {
  failure->step = step_names[step];
  failure->error = error;
  return -1;
}

static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// A fork whose child starts with all signals blocked: it must not run the owner's handlers before it has reset them.
static pid_t clone_quietly(int flags) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t process = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  int error = errno;
  if (process != 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return process;
}

static int close_from(unsigned first) { return (int)syscall(SYS_close_range, first, ~0U, 0); }

static void write_setting(const char *path, const char *value) {
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return;  // a kernel without that setting needs no change of it
  ssize_t ignored = write(descriptor, value, strlen(value));
  (void)ignored;
  close(descriptor);
}

int vipd_set_link(int socket, const char *interface, int up) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (ioctl(socket, SIOCGIFFLAGS, &request) < 0) return -1;
  if (up)
    request.ifr_flags |= IFF_UP;
  else
    request.ifr_flags &= (short)~IFF_UP;
  return ioctl(socket, SIOCSIFFLAGS, &request);
}

// The holder.

struct settling {
  int quick_addresses;
  char host_name[65];
  char run_directory[PATH_MAX];
};

static enum step settle(const struct settling *how, int kinds) {
  if (kinds & CLONE_NEWNS) {
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return PRIVATE_MOUNTS;
    if (how->run_directory[0] && mount(how->run_directory, "/run", NULL, MS_BIND, NULL) < 0) return BIND_RUN;
  }
  if ((kinds & CLONE_NEWPID) && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
    return MOUNT_PROC;
  if ((kinds & CLONE_NEWUTS) && how->host_name[0] && sethostname(how->host_name, strlen(how->host_name)) < 0)
    return HOST_NAME;
  if (how->quick_addresses) {
    write_setting("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
    write_setting("/proc/sys/net/ipv6/conf/all/accept_dad", "0");
  }
  write_setting("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
  int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0 || vipd_set_link(any, "lo", 1) < 0) return LOOPBACK;
  close(any);
  return NONE;
}

static _Noreturn void hold(int control, int kinds) {
  // Descriptors of the owner, standard output among them, must not stay open for as long as this process lives.
  if (control != 3) {
    dup2(control, 3);
    control = 3;
  }
  close_from(4);
  int null = open("/dev/null", O_RDWR);
  for (int number = 0; number < 3; number++) dup2(null, number);
  close(null);
  reset_signals();
  signal(SIGCHLD, SIG_IGN);  // orphans are reaped by the kernel
  setsid();
  prctl(PR_SET_NAME, "vipd-rehearsal");

  struct settling how;
  if (read_all(control, &how, sizeof how) < 0) _exit(0);
  tell(control, settle(&how, kinds), getpid());
  char byte;
  while (read(control, &byte, 1) != 0) {
  }
  _exit(0);
}

pid_t vipd_hold_namespaces(int kinds, int *control) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  pid_t process = clone_quietly(kinds);
  if (process == 0) hold(ends[1], kinds);
  int error = errno;
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    errno = error;
    return -1;
  }
  *control = ends[0];
  return process;
}

int vipd_prepare_namespaces(
    int control, const char *host_name, const char *run_directory, int quick_addresses, struct vipd_failure *failure) {
  struct settling how = {.quick_addresses = quick_addresses};
  if (host_name) strncpy(how.host_name, host_name, sizeof how.host_name - 1);
  if (run_directory) {
    if (strlen(run_directory) >= sizeof how.run_directory) return fail(failure, BIND_RUN, ENAMETOOLONG);
    strcpy(how.run_directory, run_directory);
  }
  struct report report;
  if (send(control, &how, sizeof how, MSG_NOSIGNAL) != sizeof how || read_all(control, &report, sizeof report) < 0)
    return fail(failure, RECEIVE, ECONNRESET);
  return report.step == NONE ? 0 : fail(failure, report.step, report.error);
}

// Programs in the namespaces.

static _Noreturn void execute(const struct vipd_command *command, int reports) {
  setsid();
  reset_signals();
  // Through copies above 2, since one of the three may be where another one has to go.
  int copies[3] = {
      fcntl(command->input, F_DUPFD, 10), fcntl(command->output, F_DUPFD, 10), fcntl(command->error, F_DUPFD, 10)};
  int reports_copy = fcntl(reports, F_DUPFD, 10);
  for (int number = 0; number < 3; number++)
    if (copies[number] < 0 || dup2(copies[number], number) < 0) {
      tell(reports_copy, STDIO, 0);
      _exit(127);
    }
  dup2(reports_copy, 3);
  fcntl(3, F_SETFD, FD_CLOEXEC);
  close_from(4);
  if (chdir("/") == 0) execvpe(command->program, command->arguments, command->environment);
  tell(3, EXEC, 0);
  _exit(127);
}

// Joining a PID namespace counts for children alone. The one child is made with CLONE_PARENT, so that the owner, not this
// short-lived helper, is its parent and can wait for it.
static _Noreturn void join_and_execute(const struct vipd_command *command, int reports) {
  if (command->control_group >= 0 && write(command->control_group, "0", 1) < 0) {
    tell(reports, JOIN_GROUP, 0);
    _exit(1);
  }
  if (command->kinds && setns(command->holder, command->kinds) < 0) {
    tell(reports, JOIN, 0);
    _exit(1);
  }
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) execute(command, reports);
  tell(reports, child < 0 ? FORK : NONE, child);
  _exit(0);
}

pid_t vipd_start_in_namespaces(const struct vipd_command *command, struct vipd_failure *failure) {
  int reports[2];
  if (pipe2(reports, O_CLOEXEC) < 0) return fail(failure, FORK, errno);
  pid_t helper = clone_quietly(0);
  if (helper == 0) join_and_execute(command, reports[1]);
  int error = errno;
  close(reports[1]);
  if (helper < 0) {
    close(reports[0]);
    return fail(failure, FORK, error);
  }
  // One report comes from the helper, a second one only from a child that could not execute; the order is open.
  struct report report;
  pid_t process = -1;
  int failed = NONE, number = 0;
  while (read_all(reports[0], &report, sizeof report) == 0) {
    if (report.step != NONE) {
      failed = report.step;
      number = report.error;
    } else {
      process = report.process;
    }
  }
  close(reports[0]);
  int status;
  vipd_reap(helper, 1, &status);
  if (failed == NONE && process > 0) return process;
  if (process > 0) vipd_reap(process, 1, &status);
  return fail(failure, failed == NONE ? FORK : failed, number);
}

int vipd_enter_network(int holder) { return setns(holder, CLONE_NEWNET); }

int vipd_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int vipd_pidfd_send_signal(int process, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, process, signal, NULL, 0);
}

// The signalling process must itself be in the namespace, so this is two forks as above; the inner one's status tells.
int vipd_signal_namespace(int holder, int number, struct vipd_failure *failure) {
  pid_t helper = clone_quietly(0);
  if (helper == 0) {
    if (setns(holder, CLONE_NEWPID) < 0) _exit(JOIN);
    pid_t child = clone_quietly(0);
    if (child == 0) _exit(kill(-1, number) < 0 && errno != ESRCH ? SIGNAL : NONE);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) _exit(FORK);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL);
  }
  int status = 0;
  if (helper < 0) return fail(failure, FORK, errno);
  vipd_reap(helper, 1, &status);
  int step = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNAL;
  return step == NONE ? 0 : fail(failure, step, EPERM);
}

pid_t vipd_reap(pid_t process, int blocking, int *status) {
  pid_t result;
  do {
    result = waitpid(process, status, blocking ? 0 : WNOHANG);
  } while (result < 0 && errno == EINTR);
  return result;
}

int vipd_schedule_thread_promptly(int priority) {
  struct sched_param parameters = {.sched_priority = priority};
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters);
}

int vipd_pin_thread(int processor) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(processor, &processors);
  return sched_setaffinity(0, sizeof processors, &processors);
}

int vipd_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int vipd_memory_file(void) { return memfd_create("vipd-rehearsal", MFD_CLOEXEC); }

int vipd_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

void vipd_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

// Address changes.

int vipd_watch_addresses(void) {
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (descriptor < 0) return -1;
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
  int size = 1 << 20;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (bind(descriptor, (struct sockaddr *)&groups, sizeof groups) == 0) return descriptor;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

static int read_change(struct nlmsghdr *header, struct vipd_address_change *change) {
  if (header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_DELADDR) return 0;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) return 0;
  struct ifaddrmsg *message = NLMSG_DATA(header);
  // The loopback interface is nobody's way to an address.
  if (message->ifa_index == 1) return 0;
  size_t size = message->ifa_family == AF_INET ? 4 : 16;
  int length = (int)IFA_PAYLOAD(header), found = 0;
  for (struct rtattr *attribute = IFA_RTA(message); RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
    // IFA_LOCAL where there is one, as IFA_ADDRESS is the peer's on a point-to-point link.
    int wanted = attribute->rta_type == IFA_LOCAL || (attribute->rta_type == IFA_ADDRESS && !found);
    if (!wanted || RTA_PAYLOAD(attribute) != size) continue;
    memcpy(change->address, RTA_DATA(attribute), size);
    found = 1;
  }
  change->added = header->nlmsg_type == RTM_NEWADDR;
  change->family = message->ifa_family;
  return found;
}

int vipd_read_address_changes(int socket, struct vipd_address_change *changes, int capacity) {
  _Alignas(struct nlmsghdr) char buffer[16384];
  int count = 0;
  // A datagram holds one change, or a few; as many again must fit as could come with one more.
  while (count + 64 <= capacity) {
    ssize_t size = recv(socket, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN ? count : -1;
    int left = (int)size;
    for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK(header, (unsigned)left) && count < capacity;
         header = NLMSG_NEXT(header, left))
      count += read_change(header, &changes[count]);
  }
  return count;
}

// Interrupts.

static int interrupts = -1;

static void interrupted(int number) {
  (void)number;
  int error = errno;
  uint64_t one = 1;
  ssize_t ignored = write(interrupts, &one, sizeof one);
  (void)ignored;
  errno = error;
}

int vipd_catch_interrupts(void) {
  if (interrupts < 0) interrupts = eventfd(0, EFD_CLOEXEC);
  if (interrupts < 0) return -1;
  struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0) return -1;
  return interrupts;
}
