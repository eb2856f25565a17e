using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>Values over one bare TCP connection of this machine, to and from memory: the floor of everything that transfers large values.</summary>
internal static class TcpStream
{
    private const int Piece = 256 * 1024;

    /// <summary>Serves the requests of <c>tests/Storm/WorkLoop.cs</c> on stdin: <c>load</c> and <c>store</c> take the same time here.</summary>
    public static async Task RunAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var server = await listener.AcceptTcpClientAsync();
        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var numbers = line.Split(' ').Skip(1).Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
            var bytes = numbers[0] * numbers[2];
            var start = Stopwatch.GetTimestamp();
            await Task.WhenAll(Task.Run(() => SendAsync(client.Client, bytes)), Task.Run(() => ReceiveAsync(server.Client, bytes)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ok {Stopwatch.GetElapsedTime(start).TotalNanoseconds:f0} -1 -1"));
        }
    }

    private static async Task SendAsync(Socket socket, long left)
    {
        var buffer = new byte[Piece];
        while (left > 0) left -= await socket.SendAsync(buffer.AsMemory(0, (int)Math.Min(left, Piece)));
    }

    private static async Task ReceiveAsync(Socket socket, long left)
    {
        var buffer = new byte[Piece];
        while (left > 0) left -= await socket.ReceiveAsync(buffer.AsMemory());
    }
}
