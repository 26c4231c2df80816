import FoundationEssentials
import Storage
import Testing

@testable import Controller

@Suite struct ControllerConfigurationTests {
  private func read(_ text: String) throws -> ControllerConfiguration {
    try ControllerConfiguration(Data(text.utf8), from: "certfleet.conf")
  }

  @Test func `it says which controller this is`() throws {
    let configuration = try read("{ name: 'berlin-1', // here\n sites: ['berlin', 'office'], }")
    #expect(configuration.name == "berlin-1" && configuration.sites == ["berlin", "office"])
    #expect(configuration.database == .file)
    #expect(try read("{}").sites.isEmpty)
  }

  @Test(arguments: [
    ("{ databse: 'x' }", "'databse' is no key of it"), ("[]", "an object is expected"),
    ("", "an object is expected"),
    ("{ sites: 'eu' }", "an object is expected"), ("{ sites: ['e u'] }", "'e u' is no name"),
    ("{ name: '' }", "'' is no name"), ("{ sites: ['a,b'] }", "'a,b' is no name"),
    ("{ database: 'mysql://x' }", "'mysql://x' is no address of a database"),
  ])
  func `what it cannot mean is told with its file`(_ text: String, _ expected: String) {
    #expect { try read(text) } throws: { "\($0)".contains(expected) }
  }
}
