package import Fleet
import FoundationEssentials
import Glibc
import Install
import PKI
import Storage
import System

extension Controller {
  /// Writes a certificate and its key into a new or empty folder, as certbot names them.
  ///
  /// - Returns: the paths, and whether the key is among them; it is not where it was made on its host.
  package func export(_ certificate: Certificate, to folder: String) async throws -> (
    paths: [String], hasKey: Bool
  ) {
    let material = try await store.material(of: certificate.lineage, certificate.generation)
    let key: PrivateKey?
    if case .held(let held) = material.key { key = held } else { key = nil }
    // The key is to be nobody else's there; root writes into no folder that others could exchange.
    if geteuid() == 0, let flaw = SafePlace.flaw(of: folder) {
      throw ControllerError.export(
        "\(flaw.path) \(flaw.what); mend it: \(flaw.remedy); or choose another folder")
    }
    if let held = try? FileManager.default.contentsOfDirectory(atPath: folder), !held.isEmpty {
      throw ControllerError.export(
        "\(folder.visible) is not empty; choose an empty folder, or one that is not there yet")
    }
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw ControllerError.export("the folder \(folder.visible) cannot be made; choose another") }
    var paths: [String] = []
    for file in try CertbotLayout.files(chain: material.chain, key: key) {
      let path = "\(folder)/\(file.name)"
      try Self.write(file.content, mode: file.mode, to: path)
      paths.append(path)
    }
    return (paths, key != nil)
  }

  /// Writes a new file; what is there already is never overwritten.
  package static func write(new path: String, _ text: String) throws {
    try write(Secret(text), mode: "0644", to: path)
  }

  /// - Throws: where a new file could not be made there; asking makes nothing.
  package static func refuseUnwritable(new path: String) throws {
    let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    var facts = stat()
    if lstat(path, &facts) == 0 {
      throw ControllerError.export("\(path.visible) is there already; name another file")
    }
    if access(folder, W_OK) != 0, errno != ENOENT {
      throw ControllerError.export(
        "\(path.visible) cannot be written: \(String(cString: strerror(errno)).lowercased())")
    }
  }

  private static func write(_ content: Secret, mode: String, to path: String) throws {
    func failure() -> ControllerError {
      .export(
        errno == EEXIST
          ? "\(path.visible) is there already; name another file"
          : "\(path.visible) cannot be written: \(String(cString: strerror(errno)).lowercased())")
    }
    let descriptor = open(
      path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode, radix: 8) ?? 0o600)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var bytes = Array(content.reveal().utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { throw failure() }
      bytes = bytes.dropFirst(max(count, 0))
    }
  }
}
