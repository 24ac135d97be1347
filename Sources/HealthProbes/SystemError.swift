// The system's own words for an error number, and a user's name.
import Glibc

/// `No such file or directory` and the like, in lower case as it stands in the middle of a sentence.
func systemError(_ code: CInt) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  // The C library has two functions of this name; Swift sees the POSIX one, which fills the buffer.
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  guard let first = text.first, text.dropFirst().first?.isLowercase ?? false else { return text }
  return first.lowercased() + text.dropFirst()
}

/// `user vipd`, or `user 998` where it has no name.
func userName(_ id: uid_t) -> String {
  var entry = passwd()
  var found: UnsafeMutablePointer<passwd>?
  var buffer = [CChar](repeating: 0, count: 4096)
  guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
    return "user \(id)"
  }
  return "user \(String(cString: name))"
}
