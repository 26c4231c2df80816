// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

/// For what waits for hosts, people and CAs and is never waited for itself: smaller, and not noticeably slower.
let small = strict + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// A module of ours: its folder is `Sources/<name>`, and it imports only what its row names.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  resources: [Resource] = [],
  settings: [SwiftSetting] = strict
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

func tests(of name: String, with dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.init(stringLiteral: name)] + dependencies, swiftSettings: strict)
}

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// The agent's parts, a subject each; AgentScript joins them.
let agentParts = [
  "frames", "request", "journal", "base", "places", "locks",
  "processes", "hooks", "certificates", "generations", "rollback", "preflight",
  "controller", "visit", "keepers", "files", "retire", "certbot", "directories",
  "tasks", "questions", "look", "discover", "validity", "permissions", "installed",
  "main",
]

/// The ready-made hooks, a script each.
let hookRecipes = [
  "nginx", "apache", "lighttpd", "haproxy", "stunnel", "postfix", "dovecot", "prosody", "mosquitto", "redis",
  "postgresql", "mariadb", "proftpd", "systemd",
]

let package = Package(
  name: "certfleet",
  // Several controllers on one PostgreSQL. Who has one controller needs no libpq.
  traits: ["PostgreSQL"],
  targets: [
    systemLibrary("CSSH2", pkgConfig: "libssh2", apt: "libssh2-1-dev"),
    systemLibrary("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    systemLibrary("CPostgreSQL", pkgConfig: "libpq", apt: "libpq-dev"),
    systemLibrary("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),

    .systemLibrary(name: "CSystem"),
    .target(
      name: "CVersion",
      cSettings: [.treatAllWarnings(as: .error)]
        + (Context.environment["CERTFLEET_COMMIT"].map { [.define("CERTFLEET_COMMIT", to: "\"\($0)\"")] }
          ?? [])),
    .target(name: "CCurl", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "CZone", cSettings: [.treatAllWarnings(as: .error)]),
    .target(name: "CHeap", cSettings: [.treatAllWarnings(as: .error)]),

    module("Fleet", ["System"]),
    module("System", ["CSystem", "CZone"]),
    module("PKI", ["Fleet", "System", "COpenSSL"]),
    module("Inventory", ["Fleet", "System", "PKI"]),
    module(
      "Storage",
      [
        "Fleet", "System", "PKI", "CSQLite",
        .target(name: "CPostgreSQL", condition: .when(traits: ["PostgreSQL"])),
      ]),
    module("ACME", ["Fleet", "System", "PKI", "CCurl"]),
    module("Planning", ["Fleet"]),
    .target(
      name: "Agents", dependencies: ["Fleet"], path: "Agents",
      exclude: ["PROTOCOL.md", "SECURITY.md", "samples", "systemd", "prometheus"],
      resources: (agentParts.map { "agent/\($0)" } + hookRecipes.map { "hooks/\($0)" }
        + ["install-agent", "verify-tls"]).map { .embedInCode("\($0).sh") }, swiftSettings: strict),
    module("Engine", ["Fleet", "System", "Planning", "Agents"]),
    module("Issuance", ["ACME", "PKI", "System", "Fleet", "Agents", "Engine"], settings: small),
    module("Install", ["PKI", "Fleet", "Agents", "Engine"]),
    module("SSH", ["System", "CSSH2", "COpenSSL"]),
    module("Connections", ["Fleet", "System", "Agents", "Engine", "SSH"]),
    module(
      "Reporting", ["Fleet"], exclude: ["Formats/JSON.md"], resources: [.embedInCode("Page/page.html")]),
    module(
      "Controller",
      [
        "Fleet", "System", "PKI", "Inventory", "Storage", "ACME", "Issuance", "Install", "Planning", "Agents",
        "Engine", "Connections", "Reporting",
      ], settings: small),
    .executableTarget(
      name: "certfleet",
      dependencies: [
        "Controller", "Fleet", "System", "PKI", "Inventory", "Storage", "ACME", "Issuance", "Planning",
        "Agents", "Engine", "SSH", "Connections", "Reporting", "CSystem", "CHeap", "CVersion",
      ],
      swiftSettings: small),

    .target(
      name: "ThrowawayFleet", dependencies: [], path: "Tests/ThrowawayFleet", swiftSettings: strict),
    .executableTarget(
      name: "certfleet-demo", dependencies: ["ThrowawayFleet"], path: "Tests/Demo", swiftSettings: strict),
    .executableTarget(
      name: "certfleet-bench", dependencies: ["Agents", "Fleet", "PKI", "System", "ThrowawayFleet"],
      path: "Tests/Benchmarks",
      exclude: ["README.md", "RawC", "RawTLS", "Peers", "Simulated"], swiftSettings: strict),
    .executableTarget(
      name: "certfleet-bench-simulated",
      dependencies: [
        "Agents", "Controller", "Engine", "Fleet", "Planning", "Storage", "System", "ThrowawayFleet",
      ],
      path: "Tests/Benchmarks/Simulated", swiftSettings: strict),
    // What nothing that does the same can be faster than.
    .executableTarget(
      name: "certfleet-bench-raw", dependencies: ["CSSH2"], path: "Tests/Benchmarks/RawC",
      cSettings: [.treatAllWarnings(as: .error)]),
    .executableTarget(
      name: "certfleet-bench-tls", dependencies: ["COpenSSL"], path: "Tests/Benchmarks/RawTLS",
      cSettings: [.treatAllWarnings(as: .error)]),
    tests(of: "Fleet"),
    tests(of: "System"),
    tests(of: "PKI", with: ["Fleet", "ThrowawayFleet"]),
    tests(of: "Inventory", with: ["Fleet", "PKI", "ThrowawayFleet"]),
    tests(of: "Storage", with: ["PKI", "Fleet", "ThrowawayFleet"]),
    tests(of: "ACME", with: ["PKI", "ThrowawayFleet"]),
    tests(of: "Issuance", with: ["ACME", "PKI", "Fleet", "ThrowawayFleet"]),
    tests(of: "Install", with: ["Fleet", "PKI", "ThrowawayFleet"]),
    tests(of: "Planning", with: ["Fleet"]),
    tests(of: "Agents", with: ["Fleet", "ThrowawayFleet"]),
    tests(of: "Engine", with: ["Controller", "Fleet", "Planning", "Agents", "Storage", "ThrowawayFleet"]),
    tests(of: "SSH", with: ["ThrowawayFleet"]),
    tests(of: "Reporting", with: ["Fleet"]),
    tests(of: "certfleet", with: ["Fleet", "Issuance", "ThrowawayFleet"]),
    tests(of: "Connections", with: ["Fleet", "ThrowawayFleet"]),
    tests(
      of: "Controller",
      with: [
        "Fleet", "System", "PKI", "Storage", "Issuance", "Planning", "Agents", "Reporting", "ThrowawayFleet",
      ]),
    .testTarget(
      name: "EndToEndTests", dependencies: ["ThrowawayFleet", "certfleet"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
