using BorgStore.Tests.Fuzzing.Driver;
using BorgStore.Tests.Fuzzing.Targets;

namespace BorgStore.Tests.Fuzzing;

/// <summary>All targets by name, and their inputs in this repository.</summary>
internal static class FuzzTargets
{
    /// <summary>Creates each target. Its name is also that of the files with its inputs.</summary>
    public static IReadOnlyDictionary<string, Func<IFuzzTarget>> All { get; } = new Dictionary<string, Func<IFuzzTarget>>
    {
        ["names"] = () => new NameTarget(),
        ["urls"] = () => new UrlTarget(),
        ["ranges"] = () => new RangeTarget(),
        ["permissions"] = () => new PermissionTarget(),
        ["rights"] = () => new RightsTarget(),
        ["targets"] = () => new RequestTargetTarget(),
        ["heads"] = () => new RequestHeadTarget(),
        ["blocks"] = () => new BlockListTarget(),
        ["quota"] = () => new QuotaTarget(),
        ["locks"] = () => new LockTarget(),
        ["borg"] = () => new BorgFileTarget(),
        ["layouts"] = () => new LayoutTarget(),
        ["cache"] = () => new CacheTarget(),
        ["verification"] = () => new VerificationTarget(),
        ["known-hosts"] = () => new KnownHostsTarget(),
        ["sftp-packets"] = () => new SftpPacketTarget(),
        ["server"] = () => new ServerTarget(),
        ["rest"] = () => new RestAnswerTarget(),
        ["s3"] = () => new S3AnswerTarget(),
        ["rclone"] = () => new RcloneAnswerTarget(),
        ["sftp"] = () => new SftpAnswerTarget(),
    };

    /// <summary>Returns the inputs of a target that are kept: those that reach much of its code, and those that once showed a fault.</summary>
    /// <param name="folder">The folder with both.</param>
    /// <param name="name">The name of the target.</param>
    public static List<byte[]> ReadInputs(string folder, string name)
        => [.. InputFile.Read(Path.Combine(folder, "corpus", name + ".txt")), .. InputFile.Read(Path.Combine(folder, "found", name + ".txt"))];
}
