using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;

namespace BorgStore.Processes;

/// <summary>A child in its own session, with one end of a socket pair as its standard input and output.</summary>
/// <remarks>
/// The framework's own class always starts children in our process group, where Ctrl-C reaches them.
/// Sockets are used because the framework reads and writes them asynchronously without a thread for each.
/// </remarks>
internal sealed class UnixChild : ChildProcess
{
    // Waits for a line. If its input ends without one, this process has died, and the child's whole group must be killed too.
    private const string WatcherScript =
        """trap '' HUP INT TERM; read -r line && exit 0; kill -s TERM -- "-$0"; sleep 1; kill -s KILL -- "-$0" """;

    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _lock = new();
    private readonly Socket _socket;
    private readonly Socket _watcherInput;
    private readonly int _watcher;
    private bool _hasExited;

    private UnixChild(ChildCommand command, int id, Socket socket, Socket errors) : base(command)
    {
        Id = id;
        _socket = socket;
        Stream = new NetworkStream(socket, ownsSocket: true);
        (_watcher, _watcherInput) = StartWatcher(id);
        ReadErrors(new NetworkStream(errors, ownsSocket: true));
        new Thread(WaitForEnd, maxStackSize: 128 * 1024) { IsBackground = true, Name = "Wait for " + command.FileName }.Start();
    }

    /// <inheritdoc/>
    public override int Id { get; }

    /// <inheritdoc/>
    public override Stream Stream { get; }

    /// <inheritdoc/>
    public override Task<int> Exited => _exited.Task;

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    public static UnixChild Launch(ChildCommand command)
    {
        var (ours, theirs) = UnixProcess.CreateSocketPair();
        var (ourErrors, theirErrors) = UnixProcess.CreateSocketPair();
        using (theirs)
        using (theirErrors)
        {
            try
            {
                var id = UnixProcess.Spawn(command, theirs.SafeHandle, theirs.SafeHandle, theirErrors.SafeHandle);
                return new UnixChild(command, id, ours, ourErrors);
            }
            catch
            {
                ours.Dispose();
                ourErrors.Dispose();
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public override void CloseInput()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The child has already closed its end.
        }
    }

    /// <inheritdoc/>
    public override void Kill() => Signal(UnixProcess.SigKill);

    /// <inheritdoc/>
    protected override void Terminate() => Signal(UnixProcess.SigTerm);

    private static (int Id, Socket Input) StartWatcher(int child)
    {
        var (ours, theirs) = UnixProcess.CreateSocketPair();
        using (theirs)
        using (var nothing = System.IO.File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            var command = new ChildCommand("/bin/sh", ["-c", WatcherScript, child.ToString(CultureInfo.InvariantCulture)]);
            try
            {
                return (UnixProcess.Spawn(command, theirs.SafeHandle, nothing, nothing), ours);
            }
            catch (Win32Exception)
            {
                // Without a shell, only the end of its input makes the child end.
                return (0, ours);
            }
        }
    }

    // The group number belongs to the child until it is reaped.
    private void Signal(int signal)
    {
        lock (_lock)
        {
            if (!_hasExited) UnixProcess.SignalGroup(Id, signal);
        }
    }

    private void WaitForEnd()
    {
        UnixProcess.WaitUntilEnded(Id);
        // Dismiss the watcher first: once the child is reaped, its number may belong to another process, which the watcher must not signal.
        StopWatcher();
        lock (_lock)
        {
            _hasExited = true;
            _exited.TrySetResult(UnixProcess.Reap(Id));
        }
    }

    private void StopWatcher()
    {
        using (_watcherInput)
        {
            try
            {
                _watcherInput.Send("\n"u8);
            }
            catch (SocketException)
            {
                // There is no watcher, or it was killed.
            }
        }
        if (_watcher > 0) UnixProcess.Reap(_watcher);
    }
}
