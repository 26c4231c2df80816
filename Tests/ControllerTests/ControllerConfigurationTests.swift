import Foundation
import Inventory
import Storage
import Testing
import ThrowawayFleet

@testable import Controller

@Suite struct ControllerConfigurationTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func read(_ text: String, _ environment: [String: String] = [:]) throws -> ControllerConfiguration {
    try scratch.write("certfleet.conf", text)
    return try ControllerConfiguration(of: scratch.path, environment)
  }

  @Test func `it says which controller this is`() throws {
    let configuration = try read("{ name: 'berlin-1', // here\n sites: ['berlin', 'office'], }")
    #expect(configuration.name == "berlin-1" && configuration.sites == ["berlin", "office"])
    #expect(configuration.database == .file)
    #expect(try read("{}").sites.isEmpty)
    // A site is a name as everywhere else.
    let long = String(repeating: "s", count: 200)
    #expect(try read("{ sites: ['\(long)'] }").sites == [long])
  }

  @Test(arguments: ["certfleet.conf", "/nowhere/certfleet.conf"])
  func `a file that cannot be read is not taken for none`(_ target: String) throws {
    let path = scratch.path + "/certfleet.conf"
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    #expect { try ControllerConfiguration(of: scratch.path, [:]) } throws: {
      $0 is InvalidInventory && "\($0)".contains(path)
    }
  }

  @Test(arguments: [
    ("{ databse: 'x' }", "unknown key 'databse'; did you mean 'database'?"),
    ("[]", "expected an object"), ("", "is empty"), ("{ name: 'a', name: 'b' }", "name"),
    ("{ sites: 'eu' }", "sites: expected a list, got 'eu'"),
    ("{ sites: ['x', 'e u'] }", "sites[1]: 'e u' holds the illegal character"),
    ("{ name: '' }", "name: a name cannot be empty"), ("{ sites: ['a,b'] }", "'a,b' holds"), ("{", "JSON5"),
  ])
  func `what it cannot mean is told with its file and place`(_ text: String, _ expected: String) {
    #expect { try read(text) } throws: {
      $0 is InvalidInventory && "\($0)".contains(scratch.path + "/certfleet.conf")
        && "\($0)".contains(expected)
    }
  }

  @Test func `an address has to be one, and the environment's goes before the file's`() throws {
    #expect { try read("{ database: 'mysql://x' }") } throws: {
      "\($0)".contains("'mysql://x' is no address of a database")
    }
    #expect { try read("{}", [DatabaseLocation.variable: "mysql://y"]) } throws: {
      "\($0)".contains("mysql://y")
    }
    #expect(try read("{}", [DatabaseLocation.variable: ""]).database == .file)
  }
}
