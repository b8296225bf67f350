// Why this file exists: the way in. Synchronous, because an async main would park the main thread
// in a runtime that nothing here needs; the rest is in GatewayCommand.

import ArgumentParser

DiagnosticLog.install()
GatewayCommand.main()
