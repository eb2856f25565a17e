using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Processes;

/// <summary>A child on Windows, with its own console without a window, and in a job that ends with this process.</summary>
internal sealed partial class WindowsChild : ChildProcess
{
    private const int FileNotFound = 2;
    private const int NoWindowsProgram = 193;

    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Process _process;
    private readonly SafeFileHandle _job;

    private WindowsChild(ChildCommand command, Process process) : base(command)
    {
        _process = process;
        _job = CreateJob(process);
        Id = process.Id;
        Stream = new DuplexStream(process.StandardOutput.BaseStream, process.StandardInput.BaseStream);
        ReadErrors(process.StandardError.BaseStream);
        _ = WaitForEndAsync();
    }

    /// <inheritdoc/>
    public override int Id { get; }

    /// <inheritdoc/>
    public override Stream Stream { get; }

    /// <inheritdoc/>
    public override Task<int> Exited => _exited.Task;

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    public static WindowsChild Launch(ChildCommand command)
    {
        var start = new ProcessStartInfo(FindInPath(command.FileName))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Its own console, which Ctrl-C at ours does not reach.
            CreateNoWindow = true,
        };
        foreach (var argument in command.Arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in command.Environment) start.Environment[name] = value;
        // If another system runs the program in place of Windows, as Wine does, there is no process here.
        var process = Process.Start(start)
            ?? throw new Win32Exception(NoWindowsProgram, $"'{command.FileName}': {Marshal.GetPInvokeErrorMessage(NoWindowsProgram)}");
        return new(command, process);
    }

    /// <inheritdoc/>
    public override void CloseInput() => ((DuplexStream)Stream).CloseOutput();

    /// <inheritdoc/>
    public override void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has already ended.
        }
    }

    // A program without a window cannot be asked to end.
    /// <inheritdoc/>
    protected override void Terminate() => Kill();

    // The system would search the working directory first, where anybody may have put a program of that name.
    private static string FindInPath(string program)
    {
        if (program.AsSpan().ContainsAny('/', '\\', ':')) return program;
        return ProgramPath.Find(Path.HasExtension(program) ? program : program + ".exe")
            ?? throw new Win32Exception(FileNotFound, $"'{program}': {Marshal.GetPInvokeErrorMessage(FileNotFound)}");
    }

    private static SafeFileHandle CreateJob(Process process)
    {
        const int extendedLimits = 9;
        var job = CreateJobObject(0, null);
        var limits = new ExtendedLimits { LimitFlags = ExtendedLimits.KillOnClose };
        // Without the job, the child still ends at the end of its input.
        if (!job.IsInvalid
            && SetInformationJobObject(job, extendedLimits, in limits, (uint)Marshal.SizeOf<ExtendedLimits>()))
        {
            _ = AssignProcessToJobObject(job, process.SafeHandle);
        }
        return job;
    }

    private async Task WaitForEndAsync()
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _exited.TrySetResult(_process.ExitCode);
        _job.Dispose();
        _process.Dispose();
    }

    [LibraryImport("kernel32", EntryPoint = "CreateJobObjectW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial SafeFileHandle CreateJobObject(nint attributes, string? name);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetInformationJobObject(SafeFileHandle job, int kind, in ExtendedLimits limits, uint size);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool AssignProcessToJobObject(SafeFileHandle job, SafeProcessHandle process);

    /// <summary>JOBOBJECT_EXTENDED_LIMIT_INFORMATION.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ExtendedLimits
    {
        public const uint KillOnClose = 0x2000;

        public long PerProcessUserTimeLimit;
        public long PerJobUserTimeLimit;
        public uint LimitFlags;
        public nuint MinimumWorkingSetSize;
        public nuint MaximumWorkingSetSize;
        public uint ActiveProcessLimit;
        public nuint Affinity;
        public uint PriorityClass;
        public uint SchedulingClass;
        public ulong ReadOperationCount;
        public ulong WriteOperationCount;
        public ulong OtherOperationCount;
        public ulong ReadTransferCount;
        public ulong WriteTransferCount;
        public ulong OtherTransferCount;
        public nuint ProcessMemoryLimit;
        public nuint JobMemoryLimit;
        public nuint PeakProcessMemoryUsed;
        public nuint PeakJobMemoryUsed;
    }
}
