// Why this file exists: the simulated data plane is the shipped one compiled a second time; in a
// program of its own it costs the gateway not a byte. `gateway simulate` starts this one.

import ArgumentParser

SimulateCommand.main()
