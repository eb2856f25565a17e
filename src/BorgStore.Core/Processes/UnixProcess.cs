using System.Collections;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace BorgStore.Processes;

/// <summary>The system calls to start, signal and reap a process on Linux and macOS.</summary>
internal static unsafe partial class UnixProcess
{
    /// <summary>The signal that kills a process.</summary>
    public const int SigKill = 9;

    /// <summary>The signal that asks a process to end.</summary>
    public const int SigTerm = 15;

    private const int Interrupted = 4;

    // Larger than any system's posix_spawnattr_t, posix_spawn_file_actions_t, sigset_t and siginfo_t.
    private const int StructureSize = 1024;

    // The framework ignores SIGPIPE, and a child inherits that although it may rely
    // on the signal. The others may be ignored by whatever started this process.
    private static readonly int[] SignalsToRestore = [1, 2, 3, 13, 15];

    private static bool IsMac => OperatingSystem.IsMacOS();

    // SETSIGDEF and SETSIGMASK are the same everywhere, SETSID is not; macOS can also close all other handles.
    private static short SpawnFlags => (short)(0x04 | 0x08 | (IsMac ? 0x0400 | 0x4000 : 0x80));

    /// <summary>Creates two connected sockets that children do not inherit.</summary>
    public static (Socket Ours, Socket Theirs) CreateSocketPair()
    {
        const int unix = 1, stream = 1, closeOnExec = 0x80000;
        var handles = stackalloc int[2];
        if (SocketPair(unix, IsMac ? stream : stream | closeOnExec, 0, handles) != 0) throw LastError("A socket pair could not be created");
        for (var i = 0; IsMac && i < 2; i++) _ = SetHandleFlags(handles[i], command: 2, flags: 1);
        return (new(new SafeSocketHandle(handles[0], ownsHandle: true)), new(new SafeSocketHandle(handles[1], ownsHandle: true)));
    }

    /// <summary>Starts a program in its own session.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="output">Its standard output.</param>
    /// <param name="errors">Its standard error.</param>
    /// <returns>Its process id.</returns>
    public static int Spawn(ChildCommand command, SafeHandle input, SafeHandle output, SafeHandle errors)
    {
        var actions = stackalloc byte[StructureSize];
        var attributes = stackalloc byte[StructureSize];
        var signals = stackalloc byte[StructureSize];
        Check(InitActions(actions));
        Check(InitAttributes(attributes));
        try
        {
            Check(AddDuplicate(actions, (int)input.DangerousGetHandle(), 0));
            Check(AddDuplicate(actions, (int)output.DangerousGetHandle(), 1));
            Check(AddDuplicate(actions, (int)errors.DangerousGetHandle(), 2));
            _ = EmptySignals(signals);
            Check(SetSignalMask(attributes, signals));
            foreach (var signal in SignalsToRestore) _ = AddSignal(signals, signal);
            Check(SetSignalDefaults(attributes, signals));
            Check(SetFlags(attributes, SpawnFlags));

            using var arguments = new NativeStrings([command.FileName, .. command.Arguments]);
            using var environment = new NativeStrings(BuildEnvironment(command.Environment));
            var error = SpawnInPath(out var id, FindInPath(command.FileName), actions, attributes, arguments.Pointer, environment.Pointer);
            return error == 0 ? id : throw new Win32Exception(error, $"'{command.FileName}': {Marshal.GetPInvokeErrorMessage(error)}");
        }
        finally
        {
            _ = DestroyActions(actions);
            _ = DestroyAttributes(attributes);
        }
    }

    /// <summary>Signals all processes of a group.</summary>
    /// <param name="group">The number of the group.</param>
    /// <param name="signal">The number of the signal.</param>
    public static void SignalGroup(int group, int signal) => _ = Signal(-group, signal);

    /// <summary>Blocks until a child has ended, without reaping it.</summary>
    /// <param name="id">The child.</param>
    public static void WaitUntilEnded(int id)
    {
        const int byId = 1, ended = 4;
        var keep = IsMac ? 0x20 : 0x01000000;
        var info = stackalloc byte[StructureSize];
        while (WaitForState(byId, (uint)id, info, ended | keep) != 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }
    }

    /// <summary>Reaps a child; blocks until it has ended.</summary>
    /// <param name="id">The child.</param>
    /// <returns>Its exit status, 128 plus the number of the signal that ended it, or -1 if something else has already reaped it.</returns>
    public static int Reap(int id)
    {
        int result, status;
        do
        {
            result = Wait(id, out status, 0);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Interrupted);

        var signal = status & 0x7f;
        return result < 0 ? -1 : signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    private static List<string> BuildEnvironment(IReadOnlyDictionary<string, string?> changes)
    {
        var variables = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (!changes.ContainsKey((string)variable.Key)) variables.Add($"{variable.Key}={variable.Value}");
        }
        variables.AddRange(changes.Where(c => c.Value is not null).Select(c => $"{c.Key}={c.Value}"));
        return variables;
    }

    private static void Check(int error)
    {
        if (error != 0) throw new Win32Exception(error, $"A process could not be prepared: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static Win32Exception LastError(string what)
    {
        var error = Marshal.GetLastPInvokeError();
        return new(error, $"{what}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int* handles);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int SetHandleFlags(int handle, int command, int flags);

    // The C library does not know a PATH that this process set for itself, for example by $env:PATH.
    private static string FindInPath(string program)
    {
        if (program.Contains('/')) return program;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? program;
    }

    [LibraryImport("libc", EntryPoint = "posix_spawnp", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SpawnInPath(out int id, string file, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(byte* actions, int handle, int target);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetSignalMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetSignalDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static partial int EmptySignals(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigaddset")]
    private static partial int AddSignal(byte* signals, int signal);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int id, int signal);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitForState(int kind, uint id, byte* info, int options);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int Wait(int id, out int status, int options);

    /// <summary>Strings in the form for C: an array of pointers, terminated by null.</summary>
    private readonly struct NativeStrings : IDisposable
    {
        private readonly int _count;

        public NativeStrings(IReadOnlyList<string> strings)
        {
            _count = strings.Count;
            Pointer = (byte**)NativeMemory.Alloc((nuint)(_count + 1), (nuint)sizeof(byte*));
            for (var i = 0; i < _count; i++) Pointer[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
            Pointer[_count] = null;
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (var i = 0; i < _count; i++) Marshal.FreeCoTaskMem((nint)Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }
}
