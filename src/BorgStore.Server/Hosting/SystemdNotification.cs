using System.Net.Sockets;
using System.Text;

namespace BorgStore.Server.Hosting;

/// <summary>Tells systemd what a service of type notify has to tell (sd_notify(3)).</summary>
internal static class SystemdNotification
{
    /// <summary>Says that requests are answered from now on.</summary>
    public static void SendReady() => Send("READY=1");

    /// <summary>Says that the server is ending.</summary>
    public static void SendStopping() => Send("STOPPING=1");

    private static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // An '@' stands for the null that begins an abstract address.
            socket.SendTo(Encoding.ASCII.GetBytes(state), new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        }
        catch (SocketException)
        {
            // Nobody listens; that is nothing to fail for.
        }
    }
}
