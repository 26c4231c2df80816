import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@testable import Install

/// What each format makes is what the programs that read it understand.
@Suite struct FormatTests {
  private let scratch: ScratchFolder
  private let key: PrivateKey
  private let chain: CertificateChain
  private let password = Secret("it's a secret 100%")

  init() async throws {
    scratch = try ScratchFolder()
    key = try PrivateKey.generate(.ecdsaP256)
    try scratch.write("key", try key.pem().reveal())
    try await Program.succeed(
      try Program.find("openssl"),
      [
        "req", "-x509", "-new", "-key", scratch.path + "/key", "-subj", "/CN=x", "-out",
        scratch.path + "/cert",
      ])
    let leaf = Files.read(scratch.path + "/cert")
    chain = try CertificateChain(pem: leaf + leaf)
    try scratch.write("password", password.reveal() + "\n")
  }

  private func write(_ installation: FileInstallation) throws -> [String] {
    let files = try installation.files(lineage: "One.Example", chain: chain, key: key, password: password)
    for file in files {
      try Data(file.content.revealBytes()).write(to: URL(filePath: scratch.path + "/" + file.name))
    }
    return files.map { scratch.path + "/" + $0.name }
  }

  private func openssl(_ arguments: String...) async throws -> String {
    try await Program.succeed(try Program.find("openssl"), arguments)
  }

  @Test func `DER is the leaf and its PKCS#8 key`() async throws {
    let paths = try write(FileInstallation(format: .der, path: "/a", keyPath: "/b"))
    #expect(paths.map { $0.suffix(4) } == [".der", ".der"])
    let leaf = try await openssl("x509", "-inform", "DER", "-in", paths[0])
    #expect(leaf == Files.read(scratch.path + "/cert"))
    let made = try await openssl("pkey", "-inform", "DER", "-in", paths[1], "-pubout")
    #expect(try await made == openssl("pkey", "-in", scratch.path + "/key", "-pubout"))
    #expect(try write(FileInstallation(format: .der, path: "/a")).count == 1)
  }

  @Test func `PKCS#12 holds chain and key behind its password`() async throws {
    let path = try #require(try write(FileInstallation(format: .pkcs12, path: "/a")).first)
    let all = try await openssl(
      "pkcs12", "-in", path, "-passin", "file:\(scratch.path)/password", "-nodes")
    #expect(all.components(separatedBy: "BEGIN CERTIFICATE").count == 3 && all.contains("BEGIN PRIVATE KEY"))
    let wrong = try await Program.run(
      try Program.find("openssl"), ["pkcs12", "-in", path, "-passin", "pass:other", "-nodes"])
    #expect(wrong.status != 0)
  }

  @Test func `Java reads its keystore, by the lineage's name`() async throws {
    let path = try #require(try write(FileInstallation(format: .javaKeystore, path: "/a")).first)
    let listed = try await Program.run(
      try Program.find("keytool"),
      ["-list", "-keystore", path, "-storepass:file", scratch.path + "/password", "-storetype", "PKCS12"])
    #expect(
      listed.stdout.contains("one.example, ") && listed.stdout.contains("PrivateKeyEntry"),
      "\(listed.everything)")
  }

  @Test func `every place has the mode that its content needs`() {
    func modes(_ format: FileInstallation.Format, key: String? = nil, mode: String? = nil) -> [String] {
      FileInstallation(format: format, path: "/a", keyPath: key, mode: mode).places.map {
        "\($0.path) \($0.mode)"
      }
    }
    #expect(modes(.pem, key: "/k") == ["/a 0644", "/k 0600"])
    #expect(modes(.pem, key: "/k", mode: "0640") == ["/a 0644", "/k 0640"])
    #expect(modes(.fullchain) == ["/a 0644"] && modes(.haproxy) == ["/a 0600"])
    #expect(modes(.der, key: "/k") == ["/a 0644", "/k 0600"] && modes(.pkcs12) == ["/a 0600"])
  }
}
