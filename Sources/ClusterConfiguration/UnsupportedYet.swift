// What the cluster file can say already and this version of vipd does not do. A file that asks for such a thing is
// refused, since it would behave otherwise than it reads. Whoever builds one of these deletes its line here, and
// nothing else.

enum UnsupportedYet {
  /// Tracker kinds to come; the words are known so that the error can be better than "unknown key".
  static let trackerKinds: Set<String> = ["http", "tcp", "unit", "file", "interface", "docker", "swarm"]

  /// What a virtual router asks for that is not there.
  static func demands(of router: VirtualRouterDraft) -> [Demand] {
    [
      Demand("notify", router.notify, if: { !$0.isEmpty }),
      Demand("when_all_fail: release", router.whenAllFail, if: { $0 == .release }),
    ].compactMap(\.self)
  }

  struct Demand {
    let text: String
    let position: SourcePosition

    /// Nil where the file does not say it.
    init?<Value>(_ text: String, _ written: Located<Value>?, if isUnsupported: (Value) -> Bool) {
      guard let written, isUnsupported(written.value) else { return nil }
      self.text = text
      position = written.position
    }
  }
}
