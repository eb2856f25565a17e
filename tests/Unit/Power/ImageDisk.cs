using System.Diagnostics;
using System.Globalization;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Power;

/// <summary>A file system of the kernel on a disk that loses what was not flushed when its power is cut: a loop device, whose file is on a
/// <see cref="PowerDisk"/>. A flush of the device syncs the file.</summary>
internal sealed class ImageDisk : IPowerSupply
{
    private readonly TestDirectory _directory = new();
    private readonly PowerDisk _disk;
    private string? _device;

    private ImageDisk(PowerDisk disk)
    {
        _disk = disk;
        Directory.CreateDirectory(Path);
    }

    /// <inheritdoc/>
    public string Path => _directory["mounted"];

    /// <inheritdoc/>
    public Task Off => _disk.Off;

    private string Image => System.IO.Path.Combine(_disk.Path, "image");

    /// <summary>Makes and mounts a file system, or skips the test.</summary>
    /// <param name="type">Its type, such as <c>ext4</c>.</param>
    /// <param name="size">Its size [MiB].</param>
    public static async Task<ImageDisk> StartAsync(string type, int size)
    {
        var disk = new ImageDisk(await PowerDisk.StartAsync());
        try
        {
            if (!File.Exists("/dev/loop-control")) Assert.Skip("There are no loop devices for the disk whose power is cut.");
            if (!(await File.ReadAllTextAsync("/proc/filesystems")).Contains(type, StringComparison.Ordinal)) Assert.Skip($"The kernel has no {type}.");
            await using (var image = File.Create(disk.Image)) image.SetLength((long)size << 20);
            switch (await Programs.RunAsync($"mkfs.{type}", "-q", disk.Image))
            {
                case null: Assert.Skip($"mkfs.{type} is not installed."); break;
                case (not 0, var output): Assert.Fail(output); break;
            }
            await disk._disk.SyncAsync();
            await disk.MountAsync();
            return disk;
        }
        catch
        {
            await disk.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task ArmAsync(int changes, int seed) => _disk.ArmAsync(changes, seed);

    /// <inheritdoc/>
    public Task<Losses> CutAsync() => _disk.CutAsync();

    /// <inheritdoc/>
    public async Task RestoreAsync()
    {
        await UnmountAsync();
        await _disk.RestoreAsync();
        await MountAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await UnmountAsync();
        await _disk.DisposeAsync();
        _directory.Dispose();
    }

    private async Task MountAsync()
    {
        _device = (await RunAsync("losetup", "--find", "--show", Image)).Trim();
        // What survived is replayed from the journal.
        await RunAsync("mount", _device, Path);
    }

    private async Task UnmountAsync()
    {
        if (_device is null) return;
        var clock = Stopwatch.StartNew();
        while (await Programs.RunAsync("umount", Path) is (not 0, var output) && !output.Contains("not mounted", StringComparison.Ordinal))
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(20)) Assert.Fail(output);
            await Task.Delay(50);
        }
        await RunAsync("losetup", "--detach", _device);
        // The kernel detaches it later if a mount namespace that another program made meanwhile has a copy of the mount. XFS and Btrfs refuse to
        // be mounted twice.
        var file = System.IO.Path.Combine("/sys/block", System.IO.Path.GetFileName(_device), "loop/backing_file");
        while (IsImage(file))
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(20)) Assert.Fail($"{_device} is still in use.");
            await Task.Delay(50);
        }
        _device = null;
    }

    private bool IsImage(string file)
    {
        try
        {
            return File.ReadAllText(file).TrimEnd('\n') == Image;
        }
        catch (IOException)
        {
            // Nothing is attached.
            return false;
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var result = await Programs.RunAsync(program, arguments);
        if (result is not (0, var output))
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{program} {string.Join(' ', arguments)}: {result?.Output ?? "not installed"}"));
        return output;
    }
}
