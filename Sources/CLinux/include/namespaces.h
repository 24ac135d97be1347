// Processes in namespaces of their own: what a rehearsal's nodes are made of. In C because what runs between clone and
// exec in a program with threads may call nothing but the kernel.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Where a child got stuck on its way, and the errno there. `step` is null while nothing went wrong; it is in static memory.
struct vipd_failure {
  const char *_Nullable step;
  int error;
};

/// CLONE_NEWNET alone.
extern const int vipd_network_namespace;
/// All that makes a host of its own: network, processes, mounts, host name, System V IPC.
extern const int vipd_node_namespaces;

/// Starts a process that holds new namespaces of the given kinds open until `control`'s other end is closed, by the owner
/// or by the owner's death. With CLONE_NEWPID it is that namespace's first process, so that all the others end with it,
/// and it reaps orphans. It waits for `vipd_prepare_namespaces`.
///
/// Returns its process id, or -1 with errno.
pid_t vipd_hold_namespaces(int kinds, int *_Nonnull control);

/// Lets a holder settle in: the host name and `/proc` of its own, `run_directory` as its `/run`, loopback up, and no wait
/// for duplicate address detection where `quick_addresses` is true. `host_name` and `run_directory` may be null.
///
/// Returns 0, or -1 with the reason in `failure`.
int vipd_prepare_namespaces(
    int control, const char *_Nullable host_name, const char *_Nullable run_directory, int quick_addresses,
    struct vipd_failure *_Nonnull failure);

/// A program to start inside a holder's namespaces.
struct vipd_command {
  /// A pidfd of the holder and the kinds of namespaces to join; 0 kinds to stay outside.
  int holder;
  int kinds;
  /// `cgroup.procs` of the control group to join, open for writing; -1 to stay.
  int control_group;
  /// Searched for in the environment's PATH when it holds no slash.
  const char *_Nonnull program;
  char *_Nullable const *_Nonnull arguments;
  char *_Nullable const *_Nonnull environment;
  /// Descriptors that become its 0, 1 and 2.
  int input;
  int output;
  int error;
};

/// Starts a program as a child of the calling process, in a session of its own, all other descriptors closed.
///
/// Returns its process id as the caller's namespace has it, or -1 with the reason in `failure`.
pid_t vipd_start_in_namespaces(const struct vipd_command *_Nonnull command, struct vipd_failure *_Nonnull failure);

/// Makes the calling thread enter the holder's network namespace. Only for a thread that is about to end or stays there.
int vipd_enter_network(int holder);

int vipd_pidfd_open(pid_t process);
int vipd_pidfd_send_signal(int process, int signal);

/// Sends a signal to all processes of the caller's PID namespace but its first one; for a child that has joined it.
int vipd_signal_namespace(int holder, int signal, struct vipd_failure *_Nonnull failure);

/// Sets an interface up or down through a socket of its network namespace. Returns 0, or -1 with errno.
int vipd_set_link(int socket, const char *_Nonnull interface, int up);

/// Reaps the child when it has ended. Returns its process id and stores the status of waitpid, 0 while it runs, or -1.
pid_t vipd_reap(pid_t process, int blocking, int *_Nonnull status);

/// Round-robin real-time scheduling for the calling thread, not inherited. Returns 0, or -1 with errno.
int vipd_schedule_thread_promptly(int priority);

/// Has the calling thread run on one processor alone. Returns 0, or -1 with errno.
int vipd_pin_thread(int processor);

/// A pipe, and a file without a name, both closed on exec; -1 with errno.
int vipd_pipe(int ends[_Nonnull 2]);
int vipd_memory_file(void);

/// The next connection of a listening socket, not blocking and closed on exec; -1 with errno.
int vipd_accept(int listener);

/// An address that came or went on an interface.
struct vipd_address_change {
  int added;
  /// AF_INET or AF_INET6: 4 or 16 of the bytes count.
  int family;
  uint8_t address[16];
};

/// A socket, not blocking, that tells of address changes in the calling thread's network namespace; -1 with errno.
int vipd_watch_addresses(void);

/// Reads changes that have been told. Returns their number, 0 when there is none, or -1 with errno (ENOBUFS: some are lost).
int vipd_read_address_changes(int socket, struct vipd_address_change *_Nonnull changes, int capacity);

/// SIGINT and SIGTERM no longer end the process but make the returned eventfd readable; -1 with errno.
int vipd_catch_interrupts(void);

/// What the calling thread is called in `ps -L`.
void vipd_name_thread(const char *_Nonnull name);
