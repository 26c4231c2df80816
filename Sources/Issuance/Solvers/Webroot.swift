import FoundationEssentials
import Glibc

/// RFC 8555 §8.3 by a web server on this machine: the token is a file below its document root.
package struct Webroot: Solver {
  package let type = "http-01"
  private let root: String

  package init(root: String) { self.root = root }

  package func present(_ proof: Proof) async throws {
    let path = path(of: proof)
    let folder = URL(filePath: path).deletingLastPathComponent()
    do {
      // The web server runs as another user and must be able to read this, whatever the umask here.
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      try Data(proof.keyAuthorization.utf8).write(to: URL(filePath: path), options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    } catch {
      // What keeps us out of the folder; where nothing does, it is full.
      let isOurs = access(folder.path, W_OK) == 0
      let why = isOurs ? "is the disk full?" : String(cString: strerror(errno)).lowercased()
      throw ProofFailure("\(path) cannot be written (\(why)); check the owner and mode of the webroot")
    }
  }

  package func cleanUp(_ proof: Proof) async throws {
    let path = path(of: proof)
    guard unlink(path) == 0 || errno == ENOENT else {
      throw ProofFailure("\(path) cannot be removed: \(String(cString: strerror(errno)).lowercased())")
    }
  }

  private func path(of proof: Proof) -> String { "\(root)/.well-known/acme-challenge/\(proof.token)" }
}
