using Amazon.Runtime;
using Amazon.Runtime.Internal;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The SDK's client, limited to exceptions that <see cref="S3Errors"/> can explain.</summary>
/// <param name="credentials">The credentials to sign with.</param>
/// <param name="config">The settings.</param>
internal sealed class S3SdkClient(AWSCredentials credentials, Amazon.S3.AmazonS3Config config) : Amazon.S3.AmazonS3Client(credentials, config)
{
    /// <inheritdoc/>
    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline)
    {
        base.CustomizeRuntimePipeline(pipeline);
        pipeline.AddHandler(new ResponseExceptionHandler());
    }

    // The SDK trusts the form of responses: for a malformed number or a missing element, arbitrary exceptions of its parser get out.
    private sealed class ResponseExceptionHandler : PipelineHandler
    {
        public override async Task<T> InvokeAsync<T>(IExecutionContext executionContext)
        {
            try
            {
                return await base.InvokeAsync<T>(executionContext).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not (StoreException or OperationCanceledException) && !S3Errors.IsFailure(e))
            {
                throw S3Errors.InvalidResponse("it cannot be parsed", e);
            }
        }
    }
}
