package import FoundationEssentials
import Glibc

/// A file that a person named, which may be a pipe or a terminal.
package enum InputFile {
  /// All of it, or one byte more than `most`; `nil` where it cannot be read.
  package static func read(_ path: String, most: Int = 64 << 20) -> Data? {
    let file = open(path == "-" ? "/dev/stdin" : path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var (data, chunk) = (Data(), [UInt8](repeating: 0, count: 64 << 10))
    while data.count <= most {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count == 0 { return data }
      if count < 0 {
        guard errno == EINTR else { return nil }
      } else {
        data.append(contentsOf: chunk.prefix(min(count, most + 1 - data.count)))
      }
    }
    return data
  }
}
