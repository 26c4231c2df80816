import Foundation

/// What the benchmark says, at once: a run takes minutes.
enum Said {
  static func line(_ words: String...) {
    FileHandle.standardOutput.write(Data((words.joined(separator: " ") + "\n").utf8))
  }
}
