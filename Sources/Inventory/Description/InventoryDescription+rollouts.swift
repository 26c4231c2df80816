import Fleet

extension InventoryDescription {
  static let rolloutObjects = [
    Object(
      "rollout", "In which order hosts get a certificate, and what may go wrong before it stops",
      [
        .must("name", .name, "what deployments say; one named standard is what those without get"),
        .key(
          "waves", .list(.either([size, .object("wave")])),
          "one after another; the last is repeated; default [1, \"10%\", \"rest\"]"),
        .key(
          "order", .text("order", pattern: "^(name|failed-first|label:.+)$"),
          "of the hosts: name, failed-first, or label:KEY"),
        .key("parallel", .hosts, "hosts at the same time"),
        .key("limits", .oneOrList(.object("limit")), "further limits"),
        .key("max_failed", .budget, "hosts that may fail, of a wave and of all; default 0"),
        .key("max_unreachable", .budget, "hosts that may be out of reach, of a wave and of all"),
        .key("on_failure", .oneOf(FailureReaction.self), "who goes back when a wave has failed"),
        .key("window", .oneOrList(.object("window")), "visits begin in it only"),
        .key("after", .oneOrList(.name), "rollouts that must have passed before"),
        .key("hooks", .object("rollout hooks"), "on the controller, around the rollout"),
        .key("drift", .oneOf(DriftReaction.self), "report: what has drifted is told and not mended"),
        .key(
          "look_every", .interval, "how old what was seen of its hosts may be before they are looked at again"
        ),
      ]),
    Object(
      "wave", "Hosts that are visited together",
      [
        .must("take", size, "a number of hosts, a share of all, those that a selector picks, or the rest"),
        .key("bake", .duration, "how long to wait and look again before the next wave"),
        .key("approve", .flag, "whether it waits for 'certfleet rollout approve'"),
        .key("parallel", .hosts, "hosts at the same time in it"),
        .key("max_failed", .budget, "hosts that may fail in it"),
        .key("max_unreachable", .budget, "hosts that may be out of reach in it"),
      ]),
    Object(
      "limit", "How many hosts at the same time",
      [
        .must("parallel", .hosts, "so many"),
        .key("per", .text("label"), "of each value of this label"),
        .key("among", .selector, "of those that it picks"),
      ]),
    Object(
      "window", "When visits may begin",
      [
        .key("days", .text("days"), "such as mon-fri, or sat,sun; default all"),
        .must("from", time, "the first moment"),
        .must("to", time, "the last; the next day's where it is before from"),
        .must("zone", .text("time zone"), "its name in the IANA database, such as Europe/Berlin"),
      ]),
    Object(
      "rollout hooks", "What runs on the controller around a rollout",
      [
        .key(
          "pre", .oneOrList(.either([.text("command"), .object("command")])),
          "before the first wave; where it fails nothing begins"),
        .key(
          "post", .oneOrList(.either([.text("command"), .object("command")])),
          "at the end, with CERTFLEET_STATE"),
      ]),
  ]

  static let tellingObjects = [
    Object(
      "notifier", "Who hears of what needs a person: one of command, mail and webhook",
      [
        .key("name", .name, "default the kind"),
        .key("command", .text("command"), "a command that reads the message on stdin"),
        .key("mail", .oneOrList(.text("mail address")), "by sendmail"),
        .key("webhook", .text("https URL", pattern: "^https://"), "where it is posted to"),
        .key("form", .oneOf(Notifier.WebhookForm.self), "what the webhook understands; default json"),
        .key("secret_file", .path, "a file, mode 0600, with the key that signs the message"),
        .key("ca_file", .path, "a PEM file that the webhook's certificate chains to"),
      ]),
    Object(
      "metrics", "Figures for Prometheus",
      [
        .must(
          "file", .text("path", pattern: "\\.prom$"), "in the folder of node_exporter's textfile collector")
      ]),
    Object(
      "history", "How long what happened stays in the database",
      [.must("keep", .duration, "older events go into files beside it")]),
  ]

  private static let size = Kind.either([
    .number(1...1_000_000), .oneOf(["rest"]), .share, .selector,
  ])
  private static let time = Kind.text("time of day", pattern: "^[0-9]{1,2}:[0-9]{2}$")
}
