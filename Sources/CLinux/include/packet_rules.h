// Rules in the kernel's packet filter (nftables) that live for as long as somebody keeps hold of them.
#pragma once
#include <stdbool.h>
#include <stddef.h>

/// A conversation with nftables. Tables made in it with `flags owner` are gone when it ends, however it ends.
struct clinux_packet_rules;

/// Finds libnftables, which is looked for here and not linked: a host without it does without what it is needed for.
/// Returns whether it is there.
bool clinux_packet_rules_available(void);

/// Makes what `script` says, in nft's language, all of it or nothing. Returns NULL where that could not be done; then
/// `error` holds what libnftables says about it, a sentence or several lines. Errno is not set.
struct clinux_packet_rules *clinux_packet_rules_make(const char *script, char *error, size_t capacity);

/// Does what another script says in the same conversation, all of it or nothing. Returns whether it is done; where not,
/// `error` says why.
bool clinux_packet_rules_change(struct clinux_packet_rules *rules, const char *script, char *error, size_t capacity);

/// Ends the conversation. The kernel waits for packets that are on their way through the rules: this takes tens of
/// milliseconds.
void clinux_packet_rules_end(struct clinux_packet_rules *rules);
