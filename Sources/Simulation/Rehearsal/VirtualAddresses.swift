// Why this file exists: a scenario's backends need no addresses in the world: names get some of a
// range that nobody has, and every backend is found by what the configuration calls it.

import Configuration
import Primitives

struct VirtualAddresses {
  struct Place {
    /// Among all of them.
    var index: Int
    var service: String
    var address: String
    var endpoint: Endpoint
  }

  /// Of each host name, its one address.
  private(set) var names: [String: [IPAddress]] = [:]
  /// Of all configurations, each once, in the order of the files.
  private(set) var backends: [Place] = []

  /// Addresses for measurements between networks (RFC 2544): nobody is there.
  private static let range: UInt32 = 0xC612_0000

  init(_ configurations: [GatewayConfiguration]) {
    var seen: Set<String> = []
    for configuration in configurations {
      for service in configuration.services {
        for backend in service.backends
        where seen.insert("\(service.name)/\(backend.label)").inserted {
          guard let endpoint = endpoint(of: backend.address) else { continue }
          backends.append(
            Place(
              index: backends.count, service: service.name, address: backend.label,
              endpoint: endpoint))
        }
      }
    }
  }

  private mutating func endpoint(of address: NetworkAddress) -> Endpoint? {
    switch address.form {
    case .endpoint(let endpoint): return endpoint
    case .name(let name, let port):
      let known = names[name]?[0]
      let own = known ?? IPAddress(v4: VirtualAddresses.range + UInt32(names.count + 1))
      names[name] = [own]
      return Endpoint(address: own, port: port)
    case .unix: return nil
    }
  }
}
