// Whatever comes from outside, thrown at the code that reads it: libFuzzer makes inputs up, keeps those that reach new
// code, and goes on from there. `Packaging/fuzz` builds and runs it.
//
//     fuzz TARGET [libFuzzer's options and corpus folders]
//     fuzz TARGET --seeds FOLDER
//
// A target feeds one input to a parser and stops the program where a promise is broken; so does a trap in the parser
// itself, and an address that the sanitizer does not like. What a fuzzer finds becomes an ordinary test.

import Glibc

/// One parser under attack.
protocol FuzzTarget: SendableMetatype {
  /// As the command line calls it.
  static var name: String { get }
  /// Inputs that reach deep, to begin with.
  static var seeds: [[UInt8]] { get }
  /// Words that inputs are made of; for binary formats there are none.
  static var words: [String] { get }
  /// Stops the program where a promise is broken.
  static func judge(_ input: [UInt8])
}

private let targets: [any FuzzTarget.Type] = [
  AdvertisementTarget.self, NeighborTarget.self, ClusterFileTarget.self, ControlTarget.self,
]

/// libFuzzer's own way in for programs that have a `main`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer's callback takes no context.
private nonisolated(unsafe) var chosen: any FuzzTarget.Type = AdvertisementTarget.self

@main
struct Fuzz {
  static func main() {
    guard CommandLine.arguments.count > 1,
      let target = targets.first(where: { $0.name == CommandLine.arguments[1] })
    else {
      fail("usage: fuzz \(targets.map { $0.name }.joined(separator: "|")) [--seeds FOLDER | libFuzzer's arguments]")
    }
    if CommandLine.arguments.count == 4, CommandLine.arguments[2] == "--seeds" {
      return write(target, to: CommandLine.arguments[3])
    }
    chosen = target
    exit(run(CommandLine.arguments[..<1] + CommandLine.arguments[2...]))
  }

  private static func run(_ words: ArraySlice<String>) -> CInt {
    // libFuzzer keeps the pointers for as long as it runs, which is to the end of the process.
    let arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: words.count + 1)
    for (index, word) in words.enumerated() { arguments[index] = strdup(word) }
    arguments[words.count] = nil
    var count = CInt(words.count)
    var pointer = arguments
    return runDriver(&count, &pointer) { data, size in
      chosen.judge(Array(UnsafeBufferPointer(start: data, count: size)))
      return 0
    }
  }

  /// A file for each seed, and the words in the form of AFL's dictionaries, which libFuzzer reads.
  private static func write(_ target: any FuzzTarget.Type, to folder: String) {
    for (index, seed) in target.seeds.enumerated() { write(seed, to: "\(folder)/seed-\(index)") }
    guard !target.words.isEmpty else { return }
    let lines = target.words.map { word in
      let text = word.utf8.map { byte -> String in
        let isPlain = (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        return isPlain ? String(Unicode.Scalar(byte)) : "\\x" + String(256 + Int(byte), radix: 16).dropFirst()
      }
      return "\"\(text.joined())\"\n"
    }
    write(Array(lines.joined().utf8), to: "\(folder).dictionary")
  }

  private static func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { fail("\(path): \(String(cString: strerror(errno)))") }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  private static func fail(_ words: String) -> Never {
    complain(words)
    exit(2)
  }
}

/// Stops the program where a promise does not hold, in words that say which. Unlike `precondition` it shows the message
/// in an optimised build as well.
func promise(_ holds: Bool, _ words: @autoclosure () -> String) {
  guard !holds else { return }
  complain("broken promise: \(words())")
  abort()
}

private func complain(_ words: String) {
  let bytes = Array("\(words)\n".utf8)
  _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
}

/// The sum of RFC 1071, written apart from the code under test.
func onesComplementSum(_ bytes: [UInt8]) -> UInt64 {
  var sum: UInt64 = 0
  for (index, byte) in bytes.enumerated() { sum += UInt64(byte) << (index & 1 == 0 ? 8 : 0) }
  while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
  return sum
}
