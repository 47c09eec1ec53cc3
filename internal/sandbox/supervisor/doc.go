// Package supervisor is pid 1 of a sandbox: it makes the sandbox's mounts, addresses and routes, starts processes, hands connections
// and listeners of the sandbox's network out to the client, and reaps what dies. In: protocol requests on file descriptor 3.
// Out: replies and exit events. When that socket reaches end of file (whoever started the sandbox is gone, however it went) it exits,
// and the kernel ends everything in the pid namespace.
package supervisor
