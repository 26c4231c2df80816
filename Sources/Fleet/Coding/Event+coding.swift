extension Event.Kind: Codable {
  private enum Key: String, CodingKey {
    case type, state, reason, hosts, token, end, instruction, by, why, note, text
  }

  private enum TypeName: String, Codable {
    case rolloutStarted = "rollout_started"
    case rolloutMoved = "rollout_moved"
    case rolloutEnded = "rollout_ended"
    case waveStarted = "wave_started"
    case waveMoved = "wave_moved"
    case waveEnded = "wave_ended"
    case visitStarted = "visit_started"
    case revertStarted = "revert_started"
    case step
    case visitEnded = "visit_ended"
    case instructed
    case note
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    func value<Value: Decodable>(_ key: Key) throws -> Value { try values.decode(Value.self, forKey: key) }
    switch try value(.type) as TypeName {
    case .rolloutStarted: self = .rolloutStarted
    case .rolloutMoved: self = .rolloutMoved(try value(.state), reason: try value(.reason))
    case .rolloutEnded: self = .rolloutEnded(try value(.state), reason: try value(.reason))
    case .waveStarted: self = .waveStarted(hosts: try value(.hosts))
    case .waveMoved: self = .waveMoved(try value(.state), reason: try value(.reason))
    case .waveEnded: self = .waveEnded(try value(.state), reason: try value(.reason))
    case .visitStarted: self = .visitStarted(try value(.token))
    case .revertStarted: self = .revertStarted(try value(.token))
    case .step: self = .step(try StepResult(from: decoder))
    case .visitEnded: self = .visitEnded(try value(.end), reason: try value(.reason))
    case .instructed: self = .instructed(try value(.instruction), by: try value(.by), why: try value(.why))
    case .note: self = .note(try value(.note), text: try value(.text))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    func put(_ type: TypeName, _ members: (Key, any Encodable)...) throws {
      try values.encode(type, forKey: .type)
      for (key, value) in members { try values.encode(value, forKey: key) }
    }
    switch self {
    case .rolloutStarted: try put(.rolloutStarted)
    case .rolloutMoved(let state, let reason): try put(.rolloutMoved, (.state, state), (.reason, reason))
    case .rolloutEnded(let state, let reason): try put(.rolloutEnded, (.state, state), (.reason, reason))
    case .waveStarted(let hosts): try put(.waveStarted, (.hosts, hosts))
    case .waveMoved(let state, let reason): try put(.waveMoved, (.state, state), (.reason, reason))
    case .waveEnded(let state, let reason): try put(.waveEnded, (.state, state), (.reason, reason))
    case .visitStarted(let token): try put(.visitStarted, (.token, token))
    case .revertStarted(let token): try put(.revertStarted, (.token, token))
    case .step(let result):
      try put(.step)
      try result.encode(to: encoder)
    case .visitEnded(let end, let reason): try put(.visitEnded, (.end, end), (.reason, reason))
    case .instructed(let instruction, let by, let why):
      try put(.instructed, (.instruction, instruction), (.by, by), (.why, why))
    case .note(let note, let text): try put(.note, (.note, note), (.text, text))
    }
  }
}

extension StepResult: Codable {
  private enum Key: String, CodingKey {
    case step, lineage, outcome, detail, stdout, stderr
    case duration = "duration_seconds"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      step: try values.decode(Step.self, forKey: .step),
      lineage: try values.decodeIfPresent(Lineage.Name.self, forKey: .lineage),
      outcome: try values.decode(Outcome.self, forKey: .outcome),
      detail: try values.decode(String.self, forKey: .detail),
      duration: .seconds(try values.decode(Double.self, forKey: .duration)),
      stdout: try values.decode(CapturedOutput.self, forKey: .stdout),
      stderr: try values.decode(CapturedOutput.self, forKey: .stderr))
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(step, forKey: .step)
    try values.encodeIfPresent(lineage, forKey: .lineage)
    try values.encode(outcome, forKey: .outcome)
    try values.encode(detail, forKey: .detail)
    try values.encode(duration.seconds, forKey: .duration)
    try values.encode(stdout, forKey: .stdout)
    try values.encode(stderr, forKey: .stderr)
  }
}

extension Outcome: Codable {
  private enum Key: String, CodingKey { case type, status, signal, why }
  private enum TypeName: String, Codable {
    case succeeded, exited, signalled
    case timedOut = "timed_out"
    case failed, inconclusive
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    switch try values.decode(TypeName.self, forKey: .type) {
    case .succeeded: self = .succeeded
    case .exited: self = .exited(try values.decode(Int.self, forKey: .status))
    case .signalled: self = .signalled(try values.decode(Int.self, forKey: .signal))
    case .timedOut: self = .timedOut
    case .failed: self = .failed(try values.decode(String.self, forKey: .why))
    case .inconclusive: self = .inconclusive(try values.decode(String.self, forKey: .why))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    let type: TypeName
    switch self {
    case .succeeded: type = .succeeded
    case .exited(let status):
      type = .exited
      try values.encode(status, forKey: .status)
    case .signalled(let signal):
      type = .signalled
      try values.encode(signal, forKey: .signal)
    case .timedOut: type = .timedOut
    case .failed(let why):
      type = .failed
      try values.encode(why, forKey: .why)
    case .inconclusive(let why):
      type = .inconclusive
      try values.encode(why, forKey: .why)
    }
    try values.encode(type, forKey: .type)
  }
}

extension Instruction: Codable {
  private enum Key: String, CodingKey {
    case type, wave
    case planHash = "plan_hash"
  }
  private enum TypeName: String, Codable {
    case approve, pause, resume, cancel
    case startNow = "start_now"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    switch try values.decode(TypeName.self, forKey: .type) {
    case .approve:
      self = .approve(
        wave: try values.decode(Int.self, forKey: .wave),
        planHash: try values.decode(String.self, forKey: .planHash))
    case .pause: self = .pause
    case .resume: self = .resume
    case .cancel: self = .cancel
    case .startNow: self = .startNow
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    let type: TypeName
    switch self {
    case .approve(let wave, let planHash):
      type = .approve
      try values.encode(wave, forKey: .wave)
      try values.encode(planHash, forKey: .planHash)
    case .pause: type = .pause
    case .resume: type = .resume
    case .cancel: type = .cancel
    case .startNow: type = .startNow
    }
    try values.encode(type, forKey: .type)
  }
}
