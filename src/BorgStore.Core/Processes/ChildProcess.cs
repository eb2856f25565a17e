using System.Diagnostics;
using System.Globalization;
using System.IO.Pipes;
using System.Runtime.InteropServices;

namespace BorgStore.Processes;

/// <summary>A program that works for this process on its stdin and stdout. The one class that starts any.</summary>
/// <remarks>The child is out of reach of Ctrl-C, ends when it is disposed (its stdin is closed; then comes TERM, then KILL), and is
/// gone when this process is, even by <c>kill -9</c>.</remarks>
public sealed partial class ChildProcess : IAsyncDisposable
{
    private const int ErrorLinesKept = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // Stands before the program on Unix. A reader waits on a pipe whose other end only this process holds: a line says that all is
    // well, the end of the pipe that this process is gone. $$ stays the number of the program that takes the shell's place.
    private const string Shell = """
        watched=$1 session=$2; shift 2
        (trap '' HUP INT QUIT TERM; exec > /dev/null 2>&1
        read -r _ < "$watched" && exit; kill -TERM $$; sleep 3; kill -KILL $$) < /dev/null &
        trap '' INT QUIT
        [ "$session" = own ] && command -v setsid > /dev/null && exec setsid "$@"
        exec "$@"
        """;

    private readonly Process _process;
    private readonly AnonymousPipeServerStream? _watch;
    private readonly Queue<string> _errors = new();
    private readonly Task _readingErrors;
    private readonly Task<int> _exit;
    private int _disposed;

    private ChildProcess(Process process, AnonymousPipeServerStream? watch)
    {
        (_process, _watch) = (process, watch);
        _readingErrors = ReadErrorsAsync();
        _exit = ReadExitAsync();
    }

    /// <summary>What the child reads.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>What the child writes.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>The number of the process.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="keepTerminal">Whether the program may ask the user for something on the terminal, as ssh does for a passphrase.</param>
    /// <exception cref="StoreException"><see cref="StoreError.ConnectionLost"/>: the program could not be started.</exception>
    public static ChildProcess Start(IReadOnlyList<string> command, bool keepTerminal = false)
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = !keepTerminal,
        };
        AnonymousPipeServerStream? watch = null;
        if (OperatingSystem.IsWindows())
        {
            start.FileName = command[0];
        }
        else
        {
            watch = new(PipeDirection.Out, HandleInheritability.Inheritable);
            start.FileName = "/bin/sh";
            foreach (var argument in new[] { "-c", Shell, "sh", "/dev/fd/" + watch.GetClientHandleAsString(), keepTerminal ? "ours" : "own", command[0] })
                start.ArgumentList.Add(argument);
        }
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);

        try
        {
            var process = Process.Start(start)!;
            watch?.DisposeLocalCopyOfClientHandle();
            if (OperatingSystem.IsWindows()) WindowsJob.Add(process);
            return new(process, watch);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            watch?.Dispose();
            throw new StoreException(StoreError.ConnectionLost, $"The program '{command[0]}' could not be started: {e.Message}. Is it installed, and on the PATH?", innerException: e);
        }
    }

    /// <summary>The last lines that the child wrote to stderr, as one.</summary>
    public string GetErrors()
    {
        lock (_errors) return string.Join("; ", _errors);
    }

    /// <summary>Waits until the child has ended.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its exit code.</returns>
    public Task<int> WaitForExitAsync(CancellationToken cancellationToken = default) => _exit.WaitAsync(cancellationToken);

    /// <summary>Ends the child.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await CloseInputAsync().ConfigureAwait(false);
        if (!await ExitsAsync().ConfigureAwait(false))
        {
            Terminate();
            if (!await ExitsAsync().ConfigureAwait(false))
            {
                _process.Kill(entireProcessTree: true);
                await _exit.ConfigureAwait(false);
            }
        }
        await Task.WhenAny(_readingErrors, Task.Delay(Patience)).ConfigureAwait(false);
        _process.Dispose();
    }

    private async ValueTask CloseInputAsync()
    {
        try
        {
            await Input.DisposeAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The child is gone already.
        }
    }

    private async Task<bool> ExitsAsync()
    {
        await Task.WhenAny(_exit, Task.Delay(Patience)).ConfigureAwait(false);
        return _exit.IsCompleted;
    }

    private async Task<int> ReadExitAsync()
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // The watching shell must not end a stranger that gets the same number.
        EndWatch();
        return _process.ExitCode;
    }

    private void Terminate()
    {
        const int Sigterm = 15;
        if (OperatingSystem.IsWindows()) _process.Kill(entireProcessTree: true);
        else _ = Kill(_process.Id, Sigterm);
    }

    private void EndWatch()
    {
        if (_watch is null) return;
        lock (_watch)
        {
            try
            {
                if (_watch.IsConnected) _watch.Write("ended\n"u8);
                _watch.Dispose();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
            {
                // The watching shell is gone.
            }
        }
    }

    private async Task ReadErrorsAsync()
    {
        try
        {
            while (await _process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                lock (_errors)
                {
                    if (_errors.Count == ErrorLinesKept) _errors.Dequeue();
                    _errors.Enqueue(line.Length > 300 ? line[..300] : line);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            Debug.WriteLine(string.Create(CultureInfo.InvariantCulture, $"stderr of a child: {e.Message}"));
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
