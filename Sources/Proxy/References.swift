// Why this file exists: the state of a worker is structs at fixed addresses; these are the names of
// the pointers to them. Behaviour is written as extensions of the pointers, so that no struct is
// ever copied to call it.
import Forwarding
import Primitives

package typealias WorkerRef = UnsafeMutablePointer<Worker>
typealias ClientRef = UnsafeMutablePointer<ClientConnection>
typealias BackendRef = UnsafeMutablePointer<BackendConnection>
typealias ExchangeRef = UnsafeMutablePointer<ExchangeNode>
typealias RecordRef = UnsafeMutablePointer<ExchangeRecord>
