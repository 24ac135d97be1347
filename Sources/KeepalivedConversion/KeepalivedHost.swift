// What one host's keepalived.conf says, as far as it concerns VRRP.

import NetworkTypes

/// One host and its file.
public struct KeepalivedHost: Sendable, Hashable {
  /// What the cluster file shall call it.
  public var name: String
  public var file: KeepalivedFile

  public init(name: String, file: KeepalivedFile) {
    self.name = name
    self.file = file
  }
}

/// The meaning of a file.
struct KeepalivedMeaning: Sendable {
  /// 2 where the file does not say otherwise.
  var version = 2
  var scripts: [Script] = []
  var processes: [Process] = []
  var files: [TrackFile] = []
  var groups: [Group] = []
  var instances: [Instance] = []

  struct Script: Sendable, Hashable {
    var name: String
    var place: KeepalivedPlace
    var command: [String] = []
    var interval = 1
    /// Nil for the interval.
    var timeout: Int?
    var weight = 0
    var rise = 1
    var fall = 1
  }

  struct Process: Sendable, Hashable {
    var name: String
    var place: KeepalivedPlace
    var command: [String] = []
    var isFullCommand = false
    var weight = 0
    var quorum = 1
  }

  struct TrackFile: Sendable, Hashable {
    var name: String
    var place: KeepalivedPlace
    var path = ""
    var weight = 1
  }

  struct Group: Sendable, Hashable {
    var name: String
    var place: KeepalivedPlace
    var members: [String] = []
    var tracks: [Track] = []
    var hooks: [Hook] = []
    var keepsWeights = false
  }

  /// A program that is told of transitions: of all, or of those into one state.
  struct Hook: Sendable, Hashable {
    var keyword: String
    var command: [String]
    var place: KeepalivedPlace
  }

  /// A tracker that an instance or a group refers to.
  struct Track: Sendable, Hashable {
    enum Kind: Sendable, Hashable { case script, process, file, interface }
    var kind: Kind
    var name: String
    /// Nil for the tracker's own.
    var weight: Int?
    var place: KeepalivedPlace
  }

  struct Address: Sendable, Hashable {
    var address: InterfaceAddress
    var interface: String?
    var place: KeepalivedPlace
  }

  struct Instance: Sendable, Hashable {
    var name: String
    var place: KeepalivedPlace
    var isInitialMaster = false
    var interface: String?
    var vrid: Int?
    var priority: Int?
    /// In seconds.
    var interval = 1.0
    /// Nil for the file's.
    var version: Int?
    var authenticationType: String?
    var password: String?
    var source: IPAddress?
    var peers: [IPAddress] = []
    var isUnicast = false
    var preempts = true
    var preemptDelay = 0.0
    var usesOldChecksum = false
    var tracks: [Track] = []
    var addresses: [Address] = []
    var excluded: [Address] = []
    var hooks: [Hook] = []
  }
}
