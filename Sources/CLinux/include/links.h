// Links of this network namespace, as far as trackers want to know of them.
#pragma once

enum clinux_link_state {
  CLINUX_LINK_MISSING,
  CLINUX_LINK_DOWN,
  CLINUX_LINK_WITHOUT_CARRIER,
  CLINUX_LINK_RUNNING,
};

/// What the link of that name is doing.
enum clinux_link_state clinux_link_state(const char *name);

/// A descriptor that is readable when links change (rtnetlink), non-blocking and closed on exec; -1 with errno.
int clinux_watch_links(void);
