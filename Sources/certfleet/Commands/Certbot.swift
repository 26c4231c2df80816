import Controller
import Fleet
import FoundationEssentials
import Reporting

extension Command {
  static let certAdopt = Command(
    words: ["cert", "adopt"],
    summary: "take over an existing certbot's certificates: certbot renews them, run rolls them out",
    operands: ["[CERT...]"],
    options: [
      Option(
        name: "from", value: "DIR",
        help: "certbot's configuration folder; default \(CertbotFolder.standardPath)"),
      Option(name: "dry-run", help: "only show what is there"),
      Option(name: "write", value: "FILE", help: "the inventory into a new file, and not on stdout"),
      Option(name: "json", help: "what is there, as JSON"),
    ]
  ) { invocation in
    let controller = try invocation.controller(makes: true)
    let adoption = try await controller.adoption(
      from: invocation["from"] ?? CertbotFolder.standardPath, invocation.operands)
    if invocation.has("json") {
      try invocation.show(adoption)
    } else {
      for line in adoption.overview(now: Date()).split(separator: "\n") { Console.standard.say(String(line)) }
      if let file = invocation["write"] {
        try Controller.write(new: file, adoption.text(now: Date()))
        Console.standard.say(
          "\(file.visible) is written; correct each 'to' in it, then: certfleet apply \(file.visible)")
      } else {
        try invocation.show(adoption)
      }
    }
    if !invocation.has("dry-run") {
      let (new, known) = try await controller.adopt(adoption)
      Console.standard.say("\(new) certificate\(new == 1 ? "" : "s") adopted, \(known) known already")
    }
    return adoption.isComplete ? .converged : .badInput
  }

  /// The exit status is the truth about the hand-over: certbot prints a failing hook's.
  static let hookCertbot = Command(
    words: ["hook", "certbot"],
    summary: "certbot's --deploy-hook: take the renewed lineage over, and roll it out as its issuer says"
  ) { invocation in
    let controller = try invocation.controller()
    let (certificate, request) = try await controller.takeOver(invocation.environment)
    let what = "\(certificate.lineage): generation \(certificate.generation) taken over from certbot"
    guard let request else {
      // On stdout: certbot calls what comes on stderr an error.
      Console.standard.result("\(what); the next run rolls it out\n")
      return .converged
    }
    Console.standard.result("\(what); rolling it out\n")
    return try await invocation.run(request, by: controller)
  }
}
