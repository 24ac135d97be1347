// Runs the programs whose answers an examination needs: `nft`, `ip`. None is waited for longer than some seconds.

import Glibc
import Subprocess
import SystemPackage

/// What a program said.
struct ProgramAnswer: Sendable {
  var isSuccess: Bool
  var output: String
  /// The last line on its standard error.
  var complaint: String
}

enum Programs {
  private static let patience = Duration.seconds(10)
  /// Firewalls with large sets print megabytes.
  private static let most = 64 << 20

  /// - Returns: nil where there is no such program, or it did not end in time.
  static func ask(_ program: String, _ arguments: [String]) async -> ProgramAnswer? {
    await withTaskGroup(of: ProgramAnswer?.self) { group in
      group.addTask {
        guard
          let result = try? await Subprocess.run(
            .name(program), arguments: Arguments(arguments), workingDirectory: "/", output: .string(limit: most),
            error: .string(limit: 65_536))
        else { return nil }
        let complaint = result.standardError.split(separator: "\n").last.map(String.init) ?? ""
        return ProgramAnswer(
          isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput, complaint: complaint)
      }
      group.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }
}

/// Small files of the kernel's and of other programs.
enum SmallFile {
  /// Nil where it cannot be read.
  static func text(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The names in a directory, sorted; none where it cannot be read.
  static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
