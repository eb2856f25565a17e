using System.Net.Sockets;
using System.Security.Cryptography;
using BorgStore.Backends.Files.Portable;

namespace BorgStore.Server.Hosting;

/// <summary>A unix socket in the file system that is only ever open to its owner and group.</summary>
/// <remarks>It is bound in a directory that only its owner may enter, and renamed to its final path once it has its permissions and is listening.
/// This replaces the socket of a killed server in one step. It also keeps the framework, which deletes a socket by the name it was bound to, from
/// deleting a newer file at the path.</remarks>
internal sealed class UnixSocket
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private readonly string _path;

    // Identifies our socket, because another one at the same path has a different time.
    private DateTime? _made;

    /// <summary>Creates an instance for a path, without accessing it.</summary>
    /// <param name="path">The path of the socket.</param>
    public UnixSocket(string path) => _path = Path.GetFullPath(path);

    /// <summary>Binds the socket and starts listening.</summary>
    /// <exception cref="StoreException">The path exists and is not a socket.</exception>
    /// <exception cref="IOException">Another program listens on the path.</exception>
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
            throw CommandLine.UsageError($"The path of the unix socket is too long: '{_path}'.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Deletes the socket, unless another one has replaced it.</summary>
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
        // Short, because the path of a socket is limited to about a hundred bytes, and not to be guessed by who could make it before.
        var directory = Path.Combine(Path.GetDirectoryName(_path)!, $".{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        Directory.CreateDirectory(directory, OwnerOnly);
        try
        {
            var aside = Path.Combine(directory, "s");
            socket.Bind(new UnixDomainSocketEndPoint(aside));
            File.SetUnixFileMode(aside, OwnerAndGroup);
            socket.Listen();
            // Another server may have been faster.
            CheckPlace();
            File.Move(aside, _path, overwrite: true);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    // The path must be free, or have the socket of a killed server.
    private void CheckPlace()
    {
        if (new FileInfo(_path).LinkTarget is not null || Directory.Exists(_path)) throw NoSocket();
        if (!File.Exists(_path)) return;
        // Connecting fails in the same way for a file and for a socket without a listener, but only a file can be opened.
        try
        {
            File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete).Dispose();
            throw NoSocket();
        }
        catch (FileNotFoundException)
        {
            return;
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException io && FileErrors.IsInUse(io)))
        {
            throw NoSocket();
        }
        catch (IOException)
        {
            // A socket.
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
            // A socket that cannot accept a connection now, for example because its queue is full, is in use too.
        }
        throw Failed("another program is already listening there");
    }

    private IOException Failed(string problem) => new($"Listening on {_path} failed: {problem}.");

    private StoreException NoSocket()
        => new(StoreError.InvalidArgument, $"'{_path}' is not a unix socket that this server may replace. Choose another --unix-socket, or remove it.");
}
