// `draw SCENARIO FROM TO`: a window of a scenario's transcript as a picture, on standard output. Times are in seconds.

import Glibc

@main struct Draw {
  static func main() {
    let words = CommandLine.arguments.dropFirst().map { $0 }
    guard words.count == 3, let begin = Double(words[1]), let end = Double(words[2]), begin < end,
      let text = read(words[0]), let divider = text.firstRange(of: "\n----\n")
    else {
      let usage =
        "usage: draw SCENARIO FROM TO, for example: draw Tests/FailoverSimulationTests/Scenarios/killed.txt 9 14\n"
      _ = usage.withCString { write(STDERR_FILENO, $0, strlen($0)) }
      exit(2)
    }
    // The scenario's first sentence.
    let comment = text.split(separator: "\n").prefix { $0.hasPrefix("#") }.map { $0.drop { $0 == "#" || $0 == " " } }
    let title =
      comment.joined(separator: " ").split(separator: ". ").first?.split(separator: ": ").first.map(String.init) ?? ""
    let transcript = RecordedTranscript(text[divider.upperBound...])
    print(TranscriptPicture(transcript, title: title, window: begin...end).drawing, terminator: "")
  }

  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
