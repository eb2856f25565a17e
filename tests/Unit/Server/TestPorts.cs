using System.Net;
using System.Net.Sockets;

namespace BorgStore.Tests.Server;

/// <summary>Ports for servers that can't choose one themselves.</summary>
internal static class TestPorts
{
    // Below the systems' ephemeral ports, so that nothing else takes one before its server does.
    private const int First = 20_000;
    private const int Count = 12_000;
    private static int _next = Random.Shared.Next(Count);

    /// <summary>Returns a free port, a different one for each caller.</summary>
    public static int FindFree()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref _next) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Another program listens there.
            }
        }
    }

    public static bool IsOpen(int port)
    {
        using var client = new TcpClient();
        try
        {
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
