using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;

namespace BorgStore.Processes;

/// <summary>A child in a session of its own, with one end of a socket pair as its standard input and output.</summary>
/// <remarks>
/// The framework's own class starts children in our process group only, where Ctrl-C reaches them. Sockets are what the
/// framework reads and writes asynchronously without a thread for each, and what ssh itself is given by its siblings.
/// </remarks>
internal sealed class UnixChild : ChildProcess
{
    // Waits for a line. Where its input ends without one, we are gone without a word, and the child's whole group has to go too.
    private const string WatcherScript =
        """trap '' HUP INT TERM; read -r line && exit 0; kill -s TERM -- "-$0"; sleep 1; kill -s KILL -- "-$0" """;

    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _lock = new();
    private readonly Socket _socket;
    private readonly Socket _watcherInput;
    private readonly int _watcher;
    private bool _isGone;

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
            // It closed its end before.
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
                // A system without a shell: the child ends by the end of its input alone.
                return (0, ours);
            }
        }
    }

    // A group of that number is the child's as long as the child has not been reaped.
    private void Signal(int signal)
    {
        lock (_lock)
        {
            if (!_isGone) UnixProcess.SignalGroup(Id, signal);
        }
    }

    private void WaitForEnd()
    {
        UnixProcess.WaitUntilEnded(Id);
        // First the watcher, which would signal a number that the system may give to another process from the next line on.
        DismissWatcher();
        lock (_lock)
        {
            _isGone = true;
            _exited.TrySetResult(UnixProcess.Reap(Id));
        }
    }

    private void DismissWatcher()
    {
        using (_watcherInput)
        {
            try
            {
                _watcherInput.Send("\n"u8);
            }
            catch (SocketException)
            {
                // There is none, or somebody killed it.
            }
        }
        if (_watcher > 0) UnixProcess.Reap(_watcher);
    }
}
