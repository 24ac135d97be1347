// What can go wrong with a throw-away cluster, in words that name the subject, the cause and, where there is one, a remedy.

import Glibc

public struct TestbedError: Error, Sendable, Hashable, CustomStringConvertible {
  public var subject: String
  public var cause: String
  public var remedy: String?

  public init(_ subject: String, cause: String, remedy: String? = nil) {
    self.subject = subject
    self.cause = cause
    self.remedy = remedy
  }

  /// A failed system call.
  init(_ subject: String, errno number: Int32, remedy: String? = nil) {
    let remedy = remedy ?? (number == EPERM || number == EACCES ? "needs root" : nil)
    self.init(subject, cause: systemMessage(number), remedy: remedy)
  }

  public var description: String { "\(subject): \(cause)" + (remedy.map { " (\($0))" } ?? "") }
}

/// The C library's words for an errno, in lower case as they stand within a sentence.
func systemMessage(_ number: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
    guard let text = buffer.baseAddress, strerror_r(number, text, buffer.count) == 0 else { return "errno \(number)" }
    let message = String(cString: text)
    return message.prefix(1).lowercased() + message.dropFirst()
  }
}

/// The Debian package that holds a program which the test bed calls; nil for one that is part of every system.
func package(holding program: String) -> String? {
  switch program {
  case "ip", "bridge", "tc": "iproute2"
  case "nft": "nftables"
  case "mount", "umount": "mount"
  case "keepalived": "keepalived"
  default: nil
  }
}
