using System.ComponentModel;
using System.Runtime.InteropServices;

namespace BorgStore.Processes;

/// <summary>A child process (ssh, a local server, rclone), which is controlled over its standard input and output.</summary>
/// <remarks>
/// It does not receive Ctrl-C from the prompt, and never outlives this process, even if that is killed.
/// <see cref="DisposeAsync"/> closes its input, waits for it to end, then asks it to end, then kills it.
/// </remarks>
internal abstract class ChildProcess : IRunningProgram
{
    private readonly TimeSpan _exitTimeout;
    private readonly ErrorTail _errors;
    private readonly CancellationTokenSource _readingErrors = new();
    private Task _errorsRead = Task.CompletedTask;
    private int _disposed;

    /// <summary>Initializes what ending the child needs.</summary>
    /// <param name="command">The command it was started with.</param>
    protected ChildProcess(ChildCommand command) => (_exitTimeout, _errors) = (command.ExitTimeout, new(command.ErrorLine));

    /// <summary>Its process id, and on Unix that of its process group.</summary>
    public abstract int Id { get; }

    /// <inheritdoc/>
    public abstract Stream Stream { get; }

    /// <summary>A task that completes when the child has ended, with its exit status, or 128 plus the number of the signal that ended it.</summary>
    public abstract Task<int> Exited { get; }

    /// <summary>The last output to its standard error, without trailing blank lines.</summary>
    public string Errors => _errors.ToString();

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <exception cref="Win32Exception">The program is missing or cannot be executed.</exception>
    public static ChildProcess Start(ChildCommand command)
        => OperatingSystem.IsWindows() ? WindowsChild.Launch(command) : UnixChild.Launch(command);

    /// <summary>Returns the message for a program that could not be started.</summary>
    /// <param name="program">The program.</param>
    /// <param name="why">The exception from <see cref="Start"/>.</param>
    /// <param name="advice">How to install it.</param>
    public static string DescribeMissing(string program, Win32Exception why, string advice)
        => $"the program '{program}' could not be started: {Marshal.GetPInvokeErrorMessage(why.NativeErrorCode).TrimEnd('.')}. {advice}.";

    /// <summary>Closes its standard input, so that it reads the end of the stream.</summary>
    public abstract void CloseInput();

    /// <inheritdoc/>
    public abstract void Kill();

    /// <summary>Waits until it has ended and its whole standard error is in <see cref="Errors"/>.</summary>
    /// <param name="timeout">How long to wait for its end.</param>
    /// <returns>Its exit status, or <see langword="null"/> if it is still running.</returns>
    public async Task<int?> WaitAsync(TimeSpan timeout)
    {
        if (!await EndsWithinAsync(Exited, timeout).ConfigureAwait(false)) return null;
        // A surviving grandchild may keep the pipe open, so that it never ends.
        await EndsWithinAsync(_errorsRead, TimeSpan.FromMilliseconds(200)).ConfigureAwait(false);
        return await Exited.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        CloseInput();
        if (!await EndsWithinAsync(Exited, _exitTimeout).ConfigureAwait(false))
        {
            Terminate();
            if (!await EndsWithinAsync(Exited, _exitTimeout).ConfigureAwait(false)) Kill();
            await Exited.ConfigureAwait(false);
        }
        await WaitAsync(TimeSpan.Zero).ConfigureAwait(false);
        await _readingErrors.CancelAsync().ConfigureAwait(false);
        await _errorsRead.ConfigureAwait(false);
        _readingErrors.Dispose();
        await Stream.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Asks it to end, if the system supports that.</summary>
    protected abstract void Terminate();

    /// <summary>Starts to read its standard error.</summary>
    /// <param name="errors">The stream, which is closed at its end.</param>
    protected void ReadErrors(Stream errors) => _errorsRead = _errors.ReadAsync(errors, _readingErrors.Token);

    private static async Task<bool> EndsWithinAsync(Task task, TimeSpan timeout)
    {
        if (task.IsCompleted) return true;
        using var timer = new CancellationTokenSource();
        var first = await Task.WhenAny(task, Task.Delay(timeout, timer.Token)).ConfigureAwait(false);
        await timer.CancelAsync().ConfigureAwait(false);
        return first == task;
    }
}

/// <summary>The command line and options of a child process.</summary>
/// <param name="FileName">The program: a path, or a name that is looked up in <c>PATH</c>.</param>
/// <param name="Arguments">Its arguments, which are passed unchanged, without a shell.</param>
internal sealed record ChildCommand(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Environment variables that differ from those of this process; <see langword="null"/> removes one.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Called on any thread with each line of the child's standard error.</summary>
    public Action<string>? ErrorLine { get; init; }

    /// <summary>How long the child may take to end after its input is closed, and again after it is asked to end.</summary>
    public TimeSpan ExitTimeout { get; init; } = TimeSpan.FromSeconds(2);
}
