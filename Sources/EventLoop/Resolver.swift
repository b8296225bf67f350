// Why this file exists: host names to addresses, asked of the system's resolver, on libuv's helper
// threads when a loop must not wait.

import CLibUV
import Glibc
package import Primitives
import Synchronization

/// A name that is being looked up on a loop. Control plane.
package final class Resolution {
  private var completion: ((Result<[IPAddress], EventLoopError>) -> Void)?
  private let host: String
  private let request: UnsafeMutablePointer<uv_getaddrinfo_t>
  private static let underWay = Atomic(0)

  /// The resolver works on a name, called off or not. Until it is done a helper thread runs that
  /// nothing can stop, and `exit` waits for it: libuv joins its threads there. From any thread.
  package static var isUnderWay: Bool { underWay.load(ordering: .relaxed) > 0 }

  /// Lets 15 names hang before the others have to wait: libuv gives look-ups half of its threads,
  /// which would be two. `UV_THREADPOOL_SIZE` from outside counts. Before the first look-up, and
  /// before there is another thread.
  package static func makeRoom() { setenv("UV_THREADPOOL_SIZE", "32", 0) }

  private init(
    _ host: String, _ completion: @escaping (Result<[IPAddress], EventLoopError>) -> Void
  ) {
    self.host = host
    self.completion = completion
    request = .allocate(capacity: 1)
  }

  deinit { request.deallocate() }

  /// Begins to look up `host`; `completion` is called once on the loop's thread, in a later round,
  /// unless `cancel` comes before. The list is what `Resolver.resolve` gives.
  package static func start(
    _ loop: Loop, host: String,
    completion: @escaping (Result<[IPAddress], EventLoopError>) -> Void
  ) throws(EventLoopError) -> Resolution {
    let resolution = Resolution(host, completion)
    var hints = Resolver.hints
    // Held by the request until its callback, which libuv always calls.
    resolution.request.pointee.data = Unmanaged.passRetained(resolution).toOpaque()
    let result = uv_getaddrinfo(loop.raw, resolution.request, resolved, host, nil, &hints)
    guard result == 0 else {
      Unmanaged.passUnretained(resolution).release()
      throw EventLoopError(operation: "look up \(host)", code: result)
    }
    underWay.add(1, ordering: .relaxed)
    return resolution
  }

  /// `completion` will not be called. The look-up itself may go on for a while on a helper thread,
  /// and keeps its loop alive so long.
  package func cancel() {
    guard completion != nil else { return }
    completion = nil
    _ = uv_cancel(UnsafeMutableRawPointer(request).assumingMemoryBound(to: uv_req_t.self))
  }

  fileprivate func finish(_ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    defer { uv_freeaddrinfo(list) }
    Resolution.underWay.subtract(1, ordering: .relaxed)
    let completion = self.completion
    self.completion = nil
    if status == 0 {
      completion?(.success(Resolver.addresses(list)))
    } else {
      completion?(.failure(EventLoopError(operation: "look up \(host)", code: status)))
    }
  }
}

private func resolved(
  _ request: UnsafeMutablePointer<uv_getaddrinfo_t>?, _ status: Int32,
  _ list: UnsafeMutablePointer<addrinfo>?
) {
  let data = request.unsafelyUnwrapped.pointee.data.unsafelyUnwrapped
  Unmanaged<Resolution>.fromOpaque(data).takeRetainedValue().finish(status, list)
}

/// Looking up names, waiting for the answer. For start-up.
package enum Resolver {
  /// More addresses than this for one name are left out.
  package static let maximumAddresses = 256

  /// Every IPv4 and IPv6 address of a host, each once, in the system's order of preference; never
  /// empty. An address in text form is its own answer.
  package static func resolve(_ host: String) throws(EventLoopError) -> [IPAddress] {
    var list: UnsafeMutablePointer<addrinfo>?
    var request = Resolver.hints
    let result = getaddrinfo(host, nil, &request, &list)
    defer { if result == 0 { freeaddrinfo(list) } }
    guard result == 0 else {
      let reason = result == EAI_SYSTEM ? errorText(errno) : String(cString: gai_strerror(result))
      throw EventLoopError(operation: "look up \(host)", reason: reason)
    }
    return addresses(list)
  }

  /// Stream sockets only, or every address would come three times.
  static var hints: addrinfo {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_protocol = Int32(IPPROTO_TCP)
    return hints
  }

  static func addresses(_ list: UnsafeMutablePointer<addrinfo>?) -> [IPAddress] {
    var found: [IPAddress] = []
    var next = list
    while let entry = next, found.count < maximumAddresses {
      next = entry.pointee.ai_next
      guard let name = entry.pointee.ai_addr else { continue }
      guard [AF_INET, AF_INET6].contains(Int32(name.pointee.sa_family)) else { continue }
      var storage = sockaddr_storage()
      withUnsafeMutableBytes(of: &storage) {
        $0.copyMemory(
          from: UnsafeRawBufferPointer(
            start: name, count: min($0.count, Int(entry.pointee.ai_addrlen))))
      }
      let address = endpoint(of: &storage).address
      if !found.contains(address) { found.append(address) }
    }
    return found
  }
}
