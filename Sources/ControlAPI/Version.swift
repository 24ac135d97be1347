// The version of vipd and vipctl, which are released together.

/// As `--version` prints it and `NodeStatus.version` holds it.
public let vipdVersion = "0.1.0"
