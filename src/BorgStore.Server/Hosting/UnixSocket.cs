using System.Net.Sockets;
using BorgStore.Backends.Files;

namespace BorgStore.Server.Hosting;

/// <summary>A unix socket in the file system that its owner and group may connect to, from the first moment on.</summary>
/// <remarks>It is bound in a directory that only its owner may enter, and renamed to its place when it has its permissions and is
/// listened on. So it replaces what a killed server left in one step, and the framework, which removes a socket by the name that it was
/// bound to, leaves alone what lies at the place later.</remarks>
internal sealed class UnixSocket
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private readonly string _path;

    // Two sockets at one place differ at least in this.
    private DateTime? _made;

    /// <summary>Names the place; nothing is looked at yet.</summary>
    /// <param name="path">The path of the socket.</param>
    public UnixSocket(string path) => _path = Path.GetFullPath(path);

    /// <summary>Binds the socket and begins to listen.</summary>
    /// <exception cref="StoreException">Something else than a socket is at the place.</exception>
    /// <exception cref="IOException">Another program listens there.</exception>
    public Socket Bind()
    {
        if (!Directory.Exists(Path.GetDirectoryName(_path))) throw Failed("there is no such directory");
        CheckPlace();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (OperatingSystem.IsWindows()) BindDirectly(socket);
            else BindAside(socket);
            _made = File.GetLastWriteTimeUtc(_path);
            return socket;
        }
        catch (ArgumentOutOfRangeException)
        {
            socket.Dispose();
            throw CommandLine.Wrong($"The path of the unix socket is too long: '{_path}'.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Removes the socket, unless another one has taken its place.</summary>
    public void Remove()
    {
        if (_made is { } made && File.Exists(_path) && File.GetLastWriteTimeUtc(_path) == made) File.Delete(_path);
    }

    private void BindDirectly(Socket socket)
    {
        File.Delete(_path);
        socket.Bind(new UnixDomainSocketEndPoint(_path));
        socket.Listen();
    }

    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private void BindAside(Socket socket)
    {
        // Short, because the path of a socket has about a hundred bytes.
        var directory = Path.Combine(Path.GetDirectoryName(_path)!, $".{Random.Shared.Next():x8}");
        Directory.CreateDirectory(directory, OwnerOnly);
        try
        {
            var aside = Path.Combine(directory, "s");
            socket.Bind(new UnixDomainSocketEndPoint(aside));
            File.SetUnixFileMode(aside, OwnerAndGroup);
            socket.Listen();
            // Another one may have been faster.
            CheckPlace();
            File.Move(aside, _path, overwrite: true);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    // Nothing, or what a server that was killed left behind.
    private void CheckPlace()
    {
        if (new FileInfo(_path).LinkTarget is not null || Directory.Exists(_path)) throw NoSocket();
        if (!File.Exists(_path)) return;
        // To connect fails alike with a file and with a socket that nobody listens on, but a socket cannot be opened.
        try
        {
            File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete).Dispose();
            throw NoSocket();
        }
        catch (FileNotFoundException)
        {
            return;
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException io && Failures.IsInUse(io)))
        {
            throw NoSocket();
        }
        catch (IOException)
        {
            // It is a socket.
        }
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(_path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return;
        }
        catch (SocketException)
        {
            // One that takes no connection now, such as one with a full queue, is in use too.
        }
        throw Failed("another program listens there");
    }

    private IOException Failed(string problem) => new($"Listening on {_path} failed: {problem}.");

    private StoreException NoSocket()
        => new(StoreError.InvalidArgument, $"'{_path}' is no unix socket that this server may replace. Choose another --unix-socket, or remove it.");
}
