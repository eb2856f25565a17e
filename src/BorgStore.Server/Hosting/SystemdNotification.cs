using System.Net.Sockets;
using System.Text;

namespace BorgStore.Server.Hosting;

/// <summary>Sends the state of a service of type notify to systemd (sd_notify(3)).</summary>
internal static class SystemdNotification
{
    /// <summary>Reports that the server answers requests from now on.</summary>
    public static void SendReady() => Send("READY=1");

    /// <summary>Reports that the server is stopping.</summary>
    public static void SendStopping() => Send("STOPPING=1");

    private static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // An '@' stands for the null byte at the start of an abstract address.
            socket.SendTo(Encoding.ASCII.GetBytes(state), new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        }
        catch (SocketException)
        {
            // Nobody listens, which is no reason to fail.
        }
    }
}
